"""What clients do beside viewing: other operations, permissions, relationships, officers at work, pages, and messages that are wrong."""

import json
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.pages.walking import WORKBENCH
from tests.soak.ledger import Asked
from tests.xml.test_xml_explain import SEEDS
from vendor_stubs import cast, mini_service_operations, scra
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.preparation import id_token
from vendor_stubs.pages import Browser

if TYPE_CHECKING:
    from tests.soak.traffic import Street

USER, OFFICER, SYSTEM, FEED = "910000000281", "910000000034", "portal-rzz09", "pas-rzz09"
OPEN = (
    "/errors",
    "/errors/permission-refused",
    "/health/ready",
    "/health/live",
    "/interest",
    "/organisations",
    "/docs",
    "/docs/openapi.json",
    "/fhir/R4/metadata",
    "/launch/jwks",
    "/itk/scr?wsdl",
    "/viewer",
    "/no-such-page",
)


def _number(chance: random.Random) -> str:
    return chance.choice([patient for patient in cast.patients() if patient.case]).nhs


async def operation(street: "Street", chance: random.Random) -> None:
    """One of the mini service's other operations."""
    number = _number(chance)
    patient = cast.patient(number)
    assert patient is not None
    today = datetime.now(UTC).date()
    async with street.calls("mini-service", Asked("mini-service", number)) as calls:
        asked: list[Callable[[], Awaitable[Any]]] = [
            lambda: mini_service_operations.status(calls, USER, None, nhs_number=number),
            lambda: mini_service_operations.rbac(calls, USER, None),
            lambda: mini_service_operations.ptv_query(calls, USER, None, nhs_number=number),
            lambda: mini_service_operations.ptv_create(
                calls, USER, None, nhs_number=number, others=(), until=None, hours=None
            ),
            lambda: mini_service_operations.activity(
                calls, OFFICER, None, start=today, end=today, nhs_number=number, user=None
            ),
            lambda: mini_service_operations.verify(
                calls, USER, None, born=patient.dob, nhs_number=number, family=patient.name.family, given=None
            ),
            lambda: mini_service_operations.trace(
                calls,
                USER,
                None,
                born=patient.dob,
                gender={"other": "not-specified"}.get(patient.gender, patient.gender),
                family=patient.name.family,
                given=None,
                postcode=None,
            ),
            lambda: mini_service_operations.details(
                calls,
                USER,
                None,
                by=None,
                born=patient.dob,
                gender=None,
                nhs_number=number,
                family=None,
                given=None,
                postcode=None,
            ),
        ]
        await chance.choice(asked)()


async def permission(street: "Street", chance: random.Random) -> None:
    """An answer put on record, or withdrawn, ahead of any view."""
    number = _number(chance)
    until = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    documents: tuple[dict[str, str], ...] = (
        {"answer": "yes"},
        {"answer": "yes", "kind": "extended", "until": until},
        {"answer": "no"},
        {"answer": "withdrawn"},
    )
    async with street.calls("mini-service", Asked("permissions", number)) as calls:
        token = await id_token(calls, USER)
        await _post(calls, "/permissions", {"nhs_number": number, **chance.choice(documents)}, f"Bearer {token}")


async def relationship(street: "Street", chance: random.Random) -> None:
    """What a patient administration system sends."""
    number = _number(chance)
    end = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    document = {"nhs_number": number, "user": USER}
    async with street.calls("mini-service", Asked("relationships", number), FEED) as calls:
        await _post(calls, "/relationships", {**document, "kind": "referral", "end": end})
        if chance.random() < 0.5:
            await _post(calls, "/relationships/end", document)


async def _post(calls: Calls, path: str, document: dict[str, str], authorization: str | None = None) -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if authorization is not None:
        headers["Authorization"] = authorization
    await calls.send_to_door("POST", path, headers=headers, body=json.dumps(document).encode())


async def officer(street: "Street", chance: random.Random) -> None:
    """A privacy officer: the queue, some pages, an alert looked at and taken up."""
    async with street.calls("scra", Asked("privacy")) as calls:
        browser = Browser(calls)
        page = await scra.sign_in(browser, OFFICER, None, start="/privacy/sign-in")
        for path in chance.sample(WORKBENCH, 3):
            page = await browser.get(path)
        page = await browser.get("/privacy/alerts")
        listed = sorted({str(one) for one in page.find("//a/@href") if str(one).startswith("/privacy/alerts/")})
        if listed:
            path = chance.choice(listed)
            page = await browser.get(path)
            if page.find(f"//form[@action='{path}']//input[@name='to'][@value='under-investigation']"):
                await browser.post(page, path, {"to": "under-investigation", "note": "Asking the ward"})


async def pages(street: "Street", chance: random.Random) -> None:
    """Pages anybody may open."""
    async with street.calls("scra", Asked("pages")) as calls:
        browser = Browser(calls)
        for path in chance.sample(OPEN, 4):
            await browser.get(path)


async def mistaken(street: "Street", chance: random.Random) -> None:
    """A message with a fault in it: refused, and explained in another process."""
    async with street.calls("mini-service", Asked("mistaken")) as calls:
        body = chance.choice(list(SEEDS.values())).broken if chance.random() < 0.8 else b"<not-soap"
        path = chance.choice(["/itk", "/itk", "/itk", "/viewers/adastra", "/viewers/systmone", "/viewers/emis-web"])
        await calls.send_to_door("POST", path, headers={"Content-Type": "text/xml"}, body=body)


ACTIONS: dict[str, Callable[["Street", random.Random], Awaitable[None]]] = {
    "operation": operation,
    "permission": permission,
    "relationship": relationship,
    "officer": officer,
    "pages": pages,
    "mistaken": mistaken,
}
