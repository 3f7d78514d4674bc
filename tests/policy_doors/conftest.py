"""One sandbox for these tests, with rate limits on and a registry that they may change."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.policy_doors.yard import Yard
from tests.running import sandbox_running
from vendor_stubs import cast


@pytest.fixture(scope="session")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """Every system may call as fast as it likes unless a test says otherwise."""
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:  # for this process alone: the tests beside it start their own
            patch.setenv("SCR_GATEWAY_LIMITS__RATE", "true")
            running = stack.enter_context(sandbox_running(tmp_path_factory.mktemp("yard")))
        text = (running.data / "registry.toml").read_text(encoding="utf-8")
        assert text.startswith(cast.registry_toml())
        made = Yard(sandbox=running, tail=text.removeprefix(cast.registry_toml()))
        made.write()
        yield made
