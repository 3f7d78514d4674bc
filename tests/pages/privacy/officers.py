"""Officers at work and what gives them work, as the tests of the workbench do it over HTTP."""

import uuid
from urllib.parse import urljoin

from tests.pages.walking import Browser, Page, rows
from tests.running import RunningSandbox
from vendor_stubs import scra
from vendor_stubs.calling.http import Calls, Exchange

OFFICER = "910000000034"
VIEWING_OFFICER = "910000000174"
"""A privacy officer of the same hospital who also treats patients."""
ELSEWHERE = "910000000182"
"""Privacy officer of the mental health trust."""
DOCTOR = "910000000018"
ODS = "RZZ01"


async def at_work(browser: Browser, uid: str = OFFICER) -> Page:
    """Signed in, at the queue."""
    page = await scra.sign_in(browser, uid, None, start="/privacy/sign-in")
    assert page.path == "/privacy/alerts", (page.path, page.exchange.code)
    return page


async def emergency(browser: Browser, number: str, note: str, uid: str = DOCTOR) -> str:
    """A view without permission by somebody of the hospital; the correlation id."""
    page = await scra.sign_in(browser, uid, None)
    if page.path == "/viewer/setting":
        page = await browser.post(page, "/viewer/setting", {"setting": "accident_and_emergency"})
    page = await browser.get("/viewer/find")
    page = await browser.post(page, "/viewer/find", {"nhs_number": number})
    page = await browser.post(page, "/viewer/patient", {"relationship": "self-claimed"})
    said = {"permission": "emergency", "emergency_reason": "unconscious", "note": note}
    page = await browser.post(page, "/viewer/record", said)
    assert page.find("//*[@data-record]"), page.exchange.code
    assert page.exchange.correlation_id is not None
    return page.exchange.correlation_id


async def upload(calls: Calls, page: Page, content: bytes, *, token: str | None = None, **headers: str) -> Exchange:
    """The attendance form sent with a file, as a browser does (multipart)."""
    edge = f"----{uuid.uuid4().hex}".encode()
    csrf = page.find("//form[@action='/privacy/attendance']//input[@name='csrf']/@value")[0] if token is None else token
    body = b"".join(
        (
            b"--" + edge + b'\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + str(csrf).encode() + b"\r\n",
            b"--" + edge + b'\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n',
            b"Content-Type: text/csv\r\n\r\n" + content + b"\r\n--" + edge + b"--\r\n",
        )
    )
    kind = {"Content-Type": f"multipart/form-data; boundary={edge.decode()}"}
    return await calls.wire.send(
        "POST", urljoin(calls.gateway, "/privacy/attendance"), headers=kind | headers, body=body
    )


def alert_of(sandbox: RunningSandbox, correlation_id: str) -> str:
    """The reference of the alert that a view raised."""
    [(alert_id,)] = rows(sandbox, "SELECT id FROM alert WHERE correlation_id = ?", correlation_id)
    return str(alert_id)
