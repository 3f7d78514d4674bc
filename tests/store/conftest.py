"""A store on each database, its tables made by the migrations; nothing here fakes a database."""

import asyncio
import itertools
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.engine import make_engine, upgrade
from gateway.store.journal import Journal, JournalSettings
from gateway.store.keys import AuditKeys, load_or_create_keys
from tests.postgres import Cluster, postgres_cluster  # noqa: F401 - a fixture
from tests.store.values import NOW, new_id

_names = itertools.count()


def _migrate(url: str) -> None:
    """Runs the migrations in a loop of its own thread: fixtures may be set up while none or another one is current."""

    async def run() -> None:
        made = make_engine(url)
        await upgrade(made)
        await made.dispose()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, run()).result()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the newest tables, to copy."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    _migrate(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(request: pytest.FixtureRequest) -> str:
    """A database with the newest tables, to copy."""
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    cluster.sql("CREATE DATABASE template_store")
    _migrate(cluster.url("template_store"))
    return "template_store"


BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=BOTH)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a database without tables, once on each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/empty.db"
    cluster, name = request.getfixturevalue("postgres_cluster"), f"empty{next(_names)}"
    cluster.sql(f"CREATE DATABASE {name}")
    return str(cluster.url(name))


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a database with the newest tables, once on each kind."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "store.db")
        return f"sqlite+aiosqlite:///{tmp_path}/store.db"
    template, name = request.getfixturevalue("postgres_template"), f"store{next(_names)}"
    cluster = request.getfixturevalue("postgres_cluster")
    cluster.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    return str(cluster.url(name))


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a database with the newest tables."""
    made = make_engine(database)
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
    alarms: list[str] = field(default_factory=list)
    going: list[bool] = field(default_factory=list)
    writes: list[tuple[bool, str]] = field(default_factory=list)

    def committed(self, units: int, seconds: float) -> None:
        assert seconds >= 0
        self.sizes.append(units)

    def failed(self, fault: str) -> None:
        self.faults.append(fault)

    def writing(self, going: bool, fault: str = "") -> None:
        self.writes.append((going, fault))

    def alarmed(self, alarm: str) -> None:
        self.alarms.append(alarm)

    def vouching(self, going: bool) -> None:
        self.going.append(going)


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
