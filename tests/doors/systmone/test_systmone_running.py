"""SystmOne's door in the running gateway: every function, the kept permission used again, replays, and what is served."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import xmlschema
from lxml import etree

from gateway.xml.catalogue import OWN_SCHEMAS
from gateway.xml.names import PROBLEM, RECORD, SYSTMONE
from gateway.xml.parser import parse
from tests.running import RunningSandbox

USER, SYSTEM, FEED = "910000000141", "systmone-azz06", "pas-azz06"
TEAM_MATE, OTHER_TEAM = "910000000325", "910000000326"
SEVERAL_ROLES, ROLE_HERE = "910000000091", "555000000110"


async def token(sandbox: RunningSandbox, user: str, role: str | None = None) -> str:
    document = {"uid": user, "client_id": SYSTEM, **({"roleid": role} if role else {})}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sandbox.identity}/sandbox/token", json=document) as answer,
    ):
        return str((await answer.json())["id_token"])


async def referred(sandbox: RunningSandbox, user: str, number: str) -> None:
    end = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    document = {"nhs_number": number, "user": user, "kind": "referral", "scope": "individual", "end": end}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sandbox.gateway}/relationships", json=document, headers={"X-SCR-System": FEED}) as answer,
    ):
        assert answer.status == 201, await answer.text()


def message(function: str, *parts: tuple[str, str], request_id: str | None = None) -> bytes:
    """A request whose one element holds these parts; `a/b` nests."""
    root = etree.Element(f"{{{SYSTMONE}}}ScrRequest", version="1.0", function=function)
    root.set("requestId", request_id or str(uuid.uuid4()))
    root.set("created", datetime.now(UTC).isoformat(timespec="seconds"))
    inside = etree.SubElement(root, f"{{{SYSTMONE}}}{function.capitalize()}")
    for path, text in parts:
        parent = inside
        for step in path.split("/")[:-1]:
            found = parent.find(f"{{{SYSTMONE}}}{step}")
            parent = etree.SubElement(parent, f"{{{SYSTMONE}}}{step}") if found is None else found
        etree.SubElement(parent, f"{{{SYSTMONE}}}{path.split('/')[-1]}").text = text
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


async def sent(
    sandbox: RunningSandbox, body: bytes, bearer: str | None, **more: str
) -> tuple[int, etree._Element, Any]:
    headers = {"Content-Type": "application/xml", "X-SCR-System": SYSTEM, **more}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sandbox.gateway}/viewers/systmone", data=body, headers=headers) as answer,
    ):
        return answer.status, parse(await answer.read()), answer.headers


def code(problem: etree._Element) -> str | None:
    return problem.findtext(f"{{{PROBLEM}}}code")


async def test_search_permission_and_view(sandbox: RunningSandbox) -> None:
    number, bearer = "9992003812", await token(sandbox, USER)
    status, found, _ = await sent(sandbox, message("SEARCH", ("NhsNumber", number)), bearer)
    assert status == 200
    family, born = (found.findtext(f".//{{{SYSTMONE}}}{name}") or "" for name in ("FamilyName", "DateOfBirth"))
    details = (("Details/FamilyName", family), ("Details/DateOfBirth", born), ("Details/Gender", "female"))
    _, again, _ = await sent(sandbox, message("SEARCH", *details), bearer)
    assert again.findtext(f".//{{{SYSTMONE}}}NhsNumber") == number
    await referred(sandbox, USER, number)
    status, recorded, _ = await sent(
        sandbox, message("PERMISSION", ("NhsNumber", number), ("Answer", "yes"), ("HowAsked", "phone")), bearer
    )
    assert status == 200, etree.tostring(recorded)
    viewing = message("VIEW", ("NhsNumber", number), ("Access/DateOfBirth", born))
    correlation = str(uuid.uuid4()).upper()
    status, shown, headers = await sent(sandbox, viewing, bearer, **{"X-Correlation-ID": correlation})
    assert status == 200, etree.tostring(shown)
    assert (shown.get("correlationId"), headers["X-Correlation-ID"]) == (correlation, correlation)
    assert shown.findtext(f".//{{{RECORD}}}NhsNumber") == number
    assert "Allergies and Adverse Reactions" in [one.text for one in shown.iter(f"{{{RECORD}}}Title")]
    status, second, _ = await sent(sandbox, message("VIEW", ("NhsNumber", number)), bearer)
    assert (status, code(second)) == (403, "permission-missing"), "a single permission opens one view"


async def test_a_kept_permission_is_used_again_and_by_the_team(sandbox: RunningSandbox) -> None:
    number, bearer = "9992001593", await token(sandbox, USER)
    await referred(sandbox, USER, number)
    facts = (("NhsNumber", number), ("Access/Permission", "extended"))
    assert (await sent(sandbox, message("VIEW", *facts), bearer))[0] == 200
    for _ in range(2):
        assert (await sent(sandbox, message("VIEW", ("NhsNumber", number)), bearer))[0] == 200
    for mate, expected in ((TEAM_MATE, (200, None)), (OTHER_TEAM, (403, "permission-scope"))):
        await referred(sandbox, mate, number)
        status, answered, _ = await sent(sandbox, message("VIEW", ("NhsNumber", number)), await token(sandbox, mate))
        assert (status, code(answered)) == expected, mate
    answer = (("NhsNumber", number), ("Answer", "yes"), ("Kind", "extended"), ("Until", "2999-01-01"))
    status, recorded, _ = await sent(sandbox, message("PERMISSION", *answer), bearer)
    until = datetime.fromisoformat(recorded.findtext(f".//{{{SYSTMONE}}}Until") or "")
    assert status == 200
    assert timedelta(days=27) < until - datetime.now(UTC) < timedelta(days=30), "capped at the organisation's days"
    status, ended, _ = await sent(
        sandbox, message("PERMISSION", ("NhsNumber", number), ("Answer", "withdrawn")), bearer
    )
    assert (status, int(ended.findtext(f".//{{{SYSTMONE}}}Ended") or "0") >= 1) == (200, True)
    status, closed, _ = await sent(sandbox, message("VIEW", ("NhsNumber", number)), bearer)
    assert (status, closed.findtext(f"{{{PROBLEM}}}kind")) == (403, "refused")


async def test_several_roles_and_none_chosen_is_told_so(sandbox: RunningSandbox) -> None:
    number, bearer = "9992001968", await token(sandbox, SEVERAL_ROLES)
    facts = (("NhsNumber", number), ("Access/Permission", "yes"))
    status, problem, headers = await sent(sandbox, message("VIEW", *facts), bearer)
    assert (status, code(problem), headers["X-SCR-Code"]) == (403, "role-not-chosen", "role-not-chosen")
    await referred(sandbox, SEVERAL_ROLES, number)
    chosen = (("NhsNumber", number), ("Access/RoleProfile", ROLE_HERE), ("Access/Permission", "yes"))
    status, answer, _ = await sent(sandbox, message("VIEW", *chosen), bearer)
    assert (status, code(answer)) == (403, "user-training"), "past the choice of role, where training is enforced"


async def test_a_replay_is_refused(sandbox: RunningSandbox) -> None:
    bearer, body = await token(sandbox, USER), message("SEARCH", ("NhsNumber", "9992000112"))
    assert (await sent(sandbox, body, bearer))[0] == 200
    status, problem, _ = await sent(sandbox, body, bearer)
    assert (status, code(problem)) == (400, "message-replayed")


@pytest.mark.parametrize(
    ("bearer", "expected"),
    [(None, "credentials-missing"), ("", "credentials-missing"), ("a.b.c", "credentials-invalid")],
)
async def test_nobody_is_proved_without_a_good_token(
    sandbox: RunningSandbox, bearer: str | None, expected: str
) -> None:
    facts = (("NhsNumber", "9992000112"), ("Access/Permission", "yes"))
    status, problem, headers = await sent(sandbox, message("VIEW", *facts), bearer)
    assert (status, code(problem)) == (401, expected)
    assert headers["WWW-Authenticate"].startswith("Bearer")
    assert headers["Content-Type"] == "application/problem+xml"


async def test_another_birthday_is_not_the_patients(sandbox: RunningSandbox) -> None:
    number, bearer = "9992000112", await token(sandbox, USER)
    await referred(sandbox, USER, number)
    facts = (("NhsNumber", number), ("Access/Permission", "yes"), ("Access/DateOfBirth", "1946-07-14"))
    status, problem, _ = await sent(sandbox, message("VIEW", *facts), bearer)
    assert (status, code(problem)) == (403, "birth-date-mismatch")


async def test_other_media_types_are_refused_in_the_doors_own_form(sandbox: RunningSandbox) -> None:
    status, problem, _ = await sent(sandbox, b"{}", None, **{"Content-Type": "application/json"})
    assert (status, code(problem)) == (415, "message-media-type")


async def test_schemas_are_served_and_load_elsewhere(sandbox: RunningSandbox) -> None:
    served = {}
    async with aiohttp.ClientSession() as session:
        for name in ("xsd", "xsd=systmone/problem", "xsd=viewer/messages", "xsd=record/record"):
            async with session.get(f"{sandbox.gateway}/viewers/systmone?{name}") as answer:
                assert answer.status == 200, name
                served[name] = await answer.read()
        async with session.get(f"{sandbox.gateway}/viewers/systmone?wsdl") as answer:
            assert answer.status == 404
    assert b"SEARCH" in served["xsd"]
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Served(served))
    schema = etree.XMLSchema(
        etree.fromstring(served["xsd"], parser, base_url="http://gateway.example/viewers/systmone?xsd")
    )
    schema.assertValid(etree.fromstring(message("VIEW", ("NhsNumber", "9992000112"))))


class Served(etree.Resolver):
    """Finds the schemas that were served by the names their references have."""

    def __init__(self, served: dict[str, bytes]) -> None:
        super().__init__()
        self.served = served

    def resolve(self, url: str, public_id: str, context: Any) -> Any:
        """The document at `?xsd=NAME`, wherever that is."""
        name = url.rpartition("?")[2]
        assert name in self.served, url
        return self.resolve_string(self.served[name], context, base_url=url)


@pytest.mark.parametrize("name", ["systmone/systmone", "systmone/problem", "emis-web/messages", "emis-web/faults"])
def test_schemas_load_strictly_in_another_implementation(name: str) -> None:
    schema = xmlschema.XMLSchema10(str(OWN_SCHEMAS / f"{name}.xsd"), validation="strict")
    assert schema.validity == "valid"
    assert schema.elements
