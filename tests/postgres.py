"""Brings up a PostgreSQL cluster of our own for the tests. Never touches a cluster that is already there, installs nothing."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

REQUIRED = "SCR_REQUIRE_POSTGRES"


def binaries() -> Path | None:
    """Folder of initdb and pg_ctl, newest version first; None where none is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]), reverse=True)
    if found:
        return found[0].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Cluster:
    """A running cluster."""

    bin: Path
    folder: Path
    port: int

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy address over TCP."""
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{database}"

    def _as_owner(self, *command: str) -> None:
        # the server refuses to run as root; its owner is then `postgres`
        prefix = ("runuser", "-u", "postgres", "--") if os.getuid() == 0 else ()
        subprocess.run((*prefix, *command), cwd=self.folder, check=True, stdout=subprocess.DEVNULL, timeout=60)

    def create(self) -> None:
        """Makes the cluster's files."""
        self._as_owner(
            str(self.bin / "initdb"), "-D", str(self.folder / "data"), "-U", "postgres",
            "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip

    def start(self, *settings: str) -> None:
        """Starts the server with `name=value` settings."""
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.folder} -c max_connections=200"
        options += "".join(f" -c {setting}" for setting in settings)
        self._as_owner(
            str(self.bin / "pg_ctl"),
            "-w",
            "-D",
            str(self.folder / "data"),
            "-l",
            str(self.folder / "log"),
            "-o",
            options,
            "start",
        )

    def stop(self, mode: str = "fast") -> None:
        """Stops it: smart, fast or immediate (as a crash)."""
        self._as_owner(str(self.bin / "pg_ctl"), "-D", str(self.folder / "data"), "-m", mode, "stop")

    def sql(self, statement: str) -> None:
        """Runs one statement as the superuser."""
        self._as_owner(
            str(self.bin / "psql"),
            "-q",
            "-h",
            str(self.folder),
            "-p",
            str(self.port),
            "-U",
            "postgres",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
        )


@contextmanager
def cluster(*settings: str) -> Iterator[Cluster]:
    """A cluster for as long as the block lasts. Raises LookupError where PostgreSQL is not installed."""
    found = binaries()
    if found is None:
        raise LookupError("no PostgreSQL binaries found (deploy/install-postgres.sh installs them)")
    folder = Path(tempfile.mkdtemp(prefix="scr-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    made = Cluster(found, folder, _free_port())
    try:
        made.create()
        made.start(*settings)
        try:
            yield made
        finally:
            made.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A cluster for the whole session, fsync on. Skips with one reason where there are no binaries, unless they are required."""
    if binaries() is None:
        reason = "PostgreSQL is not installed (deploy/install-postgres.sh): its half of the store tests does not run"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with cluster() as made:
        yield made
