"""Fixtures every test may use: where the yardsticks are, and sockets that stay on loopback."""

import gc
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.features import PAGE, page
from tests.running import RunningSandbox, sandbox_running

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the official schema packs and real samples; tests that need it run only where it stands."""
    if not (SHARED / "samples").is_dir():
        pytest.skip("the folder of official schemas and samples (../shared) is not here: yardstick tests do not run")
    return SHARED


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """One sandbox for the whole run (one per worker under -n). Tests keep out of each other's way by their patients."""
    with sandbox_running(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


FIRST = (
    "tests/test_patient_cases.py",
    "tests/soak/test_soak.py",
    "tests/browser/test_viewer_everybody.py",
    "tests/test_audit_trouble.py",
    "tests/test_kill.py",
    "tests/test_bench_pages.py",
    "tests/test_hosts.py",
    "tests/test_operation.py",
)
"""Files of a minute and more, much of it waiting: several run at once, and none may begin when all others are done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, in the order above; all others as they stand."""
    turn = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: turn.get(item.nodeid.split("::", maxsplit=1)[0], len(turn)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Eleven thousand tests stay until the end: no collection of garbage walks them, while they are made and afterwards."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


PASSED: set[str] = set()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--write-features`: after the run, write the table of doors and features from what passed."""
    parser.addoption("--write-features", action="store_true", default=False)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remembers what passed; under -n the controller hears of every worker's tests."""
    if report.when == "call" and report.passed:
        PASSED.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the table where asked, once: in the process that has no controller above it."""
    if session.config.getoption("--write-features") and not hasattr(session.config, "workerinput"):
        PAGE.write_text(page(sorted(PASSED)), encoding="utf-8")
