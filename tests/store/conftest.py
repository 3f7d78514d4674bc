"""A store on each database, its tables made by the migrations; nothing here fakes a database."""

import itertools
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.engine import make_engine, upgrade
from gateway.store.journal import Journal, JournalSettings
from gateway.store.keys import AuditKeys, load_or_create_keys
from tests.postgres import postgres_cluster  # noqa: F401 - a fixture
from tests.store.values import NOW, new_id

_names = itertools.count()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database, once on each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/store.db"
    cluster = request.getfixturevalue("postgres_cluster")
    name = f"store{next(_names)}"
    cluster.sql(f"CREATE DATABASE {name}")
    return str(cluster.url(name))


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a database with the newest tables."""
    made = make_engine(database)
    await upgrade(made)
    yield made
    await made.dispose()


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> AuditKeys:
    """Keys as the sandbox makes them."""
    return load_or_create_keys(tmp_path_factory.mktemp("keys"))


MakeJournal = Callable[..., Journal]


@dataclass
class Count:
    """A meter that remembers each transaction's size."""

    sizes: list[int]
    faults: list[str]

    def committed(self, units: int, seconds: float) -> None:
        assert seconds >= 0
        self.sizes.append(units)

    def failed(self, fault: str) -> None:
        self.faults.append(fault)


@pytest.fixture
def meter() -> Count:
    """What the journal of the test measured."""
    return Count([], [])


@pytest.fixture
async def make_journal(engine: AsyncEngine, keys: AuditKeys, meter: Count) -> AsyncIterator[MakeJournal]:
    """Makes journals on the test's database; stops them at the end."""
    made: list[Journal] = []

    def make(**settings: float) -> Journal:
        journal = Journal(
            engine=engine,
            keys=keys,
            host=socket.gethostname(),
            ids=new_id,
            clock=lambda: NOW,
            settings=JournalSettings(**settings),  # type: ignore[arg-type]
            meter=meter,
        )
        made.append(journal)
        return journal

    yield make
    for journal in made:
        await journal.stop()


@pytest.fixture
async def journal(make_journal: MakeJournal) -> Journal:
    """A started journal."""
    made = make_journal()
    await made.start()
    return made


@pytest.fixture
def now() -> datetime:
    """The test's one instant."""
    return NOW.astimezone(UTC)
