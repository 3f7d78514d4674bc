"""The answer in a viewer's guide is what a running gateway answers to the request beside it."""

import pytest

from tests.doors.viewer_answers import USERS, command, normal, wire
from tests.running import RunningSandbox, vendor_stub


@pytest.mark.parametrize("product", sorted(USERS))
async def test_the_pasted_request_is_answered_with_the_pasted_answer(sandbox: RunningSandbox, product: str) -> None:
    status, output, errors = await vendor_stub(sandbox, *command(product))
    assert status == 0, errors
    assert normal(product, output) == wire(product, "view-to-open-answer").read_text(encoding="utf-8")
