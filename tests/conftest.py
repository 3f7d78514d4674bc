"""Fixtures every test may use: where the yardsticks are, and sockets that stay on loopback."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the official schema packs and real samples; tests that need it run only where it stands."""
    if not (SHARED / "samples").is_dir():
        pytest.skip("the folder of official schemas and samples (../shared) is not here: yardstick tests do not run")
    return SHARED
