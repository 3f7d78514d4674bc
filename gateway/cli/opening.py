"""Opens the database for a command: never a new and empty one in the place of one that is gone."""

from typing import TYPE_CHECKING

from gateway.config import Store

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


def engine_of(store: Store) -> "AsyncEngine":
    """An engine for a database that is there. Raises DatabaseMissing, OSError."""
    from gateway.store.engine import make_engine, refuse_to_begin_again
    from gateway.store.keys import audit_keys_made

    refuse_to_begin_again(store.address(), audit_keys_made(store.keys))
    return make_engine(store.address())
