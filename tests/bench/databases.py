"""An empty database of each kind for a run, and sandboxes told which one to use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres import binaries, cluster

SQLITE, POSTGRES = "SQLite", "PostgreSQL"


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """Address of an empty database of each kind. Raises LookupError where PostgreSQL is not installed."""
    if binaries() is None:
        raise LookupError("PostgreSQL is not installed: `make postgres` installs it, and the bench needs it")
    with cluster() as server:
        yield {SQLITE: f"sqlite+aiosqlite:///{folder}/bench.db", POSTGRES: server.url()}


@contextmanager
def store(**settings: str) -> Iterator[None]:
    """Settings of the store for the sandboxes started meanwhile."""
    names = {f"SCR_GATEWAY_STORE__{name}": value for name, value in settings.items()}
    os.environ.update(names)
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]


def place(database: str, url: str, folder: Path, run: str) -> dict[str, str]:
    """Settings of one gateway's store: PostgreSQL's database is shared by all of them, and so are the keys that write its audit;
    of SQLite each has a file and keys of its own.
    """
    if database == POSTGRES:
        return {"URL": url, "KEYS": str(folder / "keys-shared")}
    return {"URL": f"sqlite+aiosqlite:///{folder}/{run}.db", "KEYS": str(folder / f"keys-{run}")}
