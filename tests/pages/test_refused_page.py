"""A refused return is shown at a clean address, from what the browser brings along, and only as the gateway wrote it."""

from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied
from gateway.domain.identifiers import CorrelationId
from gateway.pages.refused import brought, read_brought
from tests.pages.walking import walking
from tests.running import RunningSandbox


async def test_a_refusal_brought_along_is_shown_only_as_the_gateway_wrote_it(sandbox: RunningSandbox) -> None:
    good = CorrelationId("0F9F7E5C-2B5C-4C39-8B39-3D3C0F3F5A11")
    value = brought(AccessDenied(Code.USER_MISMATCH, rules=("P-07", "SCR-AVAILABLE")), good)
    assert read_brought(value) == (Code.USER_MISMATCH, ("P-07", "SCR-AVAILABLE"), good)
    spoilt = (
        "",
        "x",
        value + " ",
        value.replace("P-07", "<b>"),
        value.replace("user", "nobody"),
        value[:-1],
        value + "0",
    )
    assert [read_brought(one) for one in (None, *spoilt)] == [None] * 8
    async with walking(sandbox) as (_, calls):
        cookie = {"Cookie": f"scr-viewer-refused={value.replace('P-07', '<b>')}"}
        answer = await calls.wire.send("GET", f"{calls.gateway}/viewer/refused", headers=cookie, body=b"")
        assert (answer.status, answer.headers["Location"]) == (303, "/viewer")
