"""GET /docs: every door with its address and description, the FHIR operations out of the OpenAPI document, commands to paste.

Says nothing about any patient or system; needs no sign-in. Only the sandbox shows commands: elsewhere they could not work.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

import orjson
from aiohttp import web

from gateway.adapters.symphony import PATH
from gateway.pages.layout import Layout
from gateway.pages.public import reads_html

Page = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Door:
    """One way in: its name, what it speaks, where messages go, and where its description is (links to fetch)."""

    name: str
    form: str
    sent_to: str
    links: tuple[str, ...] = ()
    guide: str = ""
    """The page under docs/doors."""


DOORS = (
    Door("Mini service", "ITK SOAP 1.1", "POST /itk", ("/itk/scr?wsdl", "/itk/pds?wsdl"), "mini-service"),
    Door("Adastra", "SOAP 1.2, SAML 2.0", "POST /viewers/adastra", ("/viewers/adastra?wsdl",), "adastra"),
    Door("CLEO", "SOAP 1.1", "POST /viewers/cleo", ("/viewers/cleo?wsdl",), "cleo"),
    Door("EMIS Web", "HL7 V3 in SOAP", "POST /viewers/emis-web", ("/viewers/emis-web?wsdl",), "emis-web"),
    Door("SystmOne", "XML over HTTP", "POST /viewers/systmone", ("/viewers/systmone?xsd",), "systmone"),
    Door("Symphony", "FHIR R4", f"GET {PATH}/…", (f"{PATH}/metadata", "/docs/openapi.json"), "fhir"),
    Door("RiO", "Signed JWT, single-use code", "POST /launch/rio", (), "rio"),
    Door("Lorenzo", "SMART App Launch", "GET /launch/lorenzo", (), "lorenzo"),
    Door("Sonar", "Signed JWT in a form", "POST /launch/sonar", (), "sonar"),
    Door("PharmOutcomes", "Encrypted token in a link", "GET /launch/pharmoutcomes", (), "pharmoutcomes"),
    Door("SCRa, NCRS", "Web pages", "GET /viewer", ("/viewer",), "scra"),
    Door("Permission", "JSON", "POST /permissions"),
    Door("Relationships", "JSON", "POST /relationships, POST /relationships/end"),
)

BEFORE = """G=http://127.0.0.1:8080 I=http://127.0.0.1:8082
TOKEN=$(curl -s $I/sandbox/token -H 'Content-Type: application/json' \\
  -d '{"uid":"910000000018","client_id":"symphony-rzz01"}' | sed 's/.*"id_token": *"\\([^"]*\\)".*/\\1/')
ACCESS=$(printf '{"permission":"yes","relationship":"self-claimed"}' | base64 -w0 | tr '+/' '-_' | tr -d =)
PATIENT='https://fhir.nhs.uk/Id/nhs-number|9992000112'
"""
"""The user's ID token, the access facts and the patient: what the commands below use."""

COMMANDS = (
    (
        "Is there a summary, and which is the newest?",
        """ID=$(curl -s -G $G/fhir/R4/DocumentReference --data-urlencode "patient=$PATIENT" \\
  -H "X-SCR-System: symphony-rzz01" -H "Authorization: Bearer $TOKEN" |
  sed 's/.*"masterIdentifier":{[^}]*"value":"\\([^"]*\\)".*/\\1/'); echo $ID
""",
    ),
    (
        "The summary",
        """curl -s -G $G/fhir/R4/Bundle --data-urlencode "composition.identifier=$ID" \\
  --data-urlencode "composition.subject:Patient.identifier=$PATIENT" \\
  -H "X-SCR-System: symphony-rzz01" -H "Authorization: Bearer $TOKEN" -H "X-SCR-Access: $ACCESS"
""",
    ),
    (
        "The same, with no NHS number in an address",
        """curl -s $G/fhir/R4/Bundle/_search --data-urlencode "composition.identifier=$ID" \\
  --data-urlencode "composition.subject:Patient.identifier=$PATIENT" \\
  -H "X-SCR-System: symphony-rzz01" -H "Authorization: Bearer $TOKEN" -H "X-SCR-Access: $ACCESS"
""",
    ),
    (
        "A refusal: nothing is said of the patient's permission (403, an OperationOutcome)",
        """curl -s -i -G $G/fhir/R4/Bundle --data-urlencode "composition.identifier=$ID" \\
  --data-urlencode "composition.subject:Patient.identifier=$PATIENT" \\
  -H "X-SCR-System: symphony-rzz01" -H "Authorization: Bearer $TOKEN" \\
  -H "X-SCR-Access: $(printf '{"relationship":"self-claimed"}' | base64 -w0 | tr '+/' '-_' | tr -d =)"
""",
    ),
    (
        "A privacy alert of the client's own (201, no body)",
        """curl -s -i $G/fhir/R4/AuditEvent -H 'Content-Type: application/fhir+json' \\
  -H "X-SCR-System: symphony-rzz01" -H "Authorization: Bearer $TOKEN" -d '{
  "resourceType": "AuditEvent", "id": "b1f6c1de-0001-4c8a-9f00-000000000001", "recorded": "2026-01-05T11:58:00Z",
  "extension": [{"url": "https://fhir.nhs.uk/StructureDefinition/Extension-SCR-NotificationMessage",
    "valueString": "A record was opened in an emergency"}],
  "type": {"system": "https://fhir.nhs.uk/CodeSystem/SCR-AlertType", "code": "2", "display": "Access Alert"},
  "subtype": [{"system": "https://fhir.nhs.uk/CodeSystem/SCR-AlertReason", "code": "5",
    "display": "Access made in an emergency"}],
  "outcomeDesc": "Patient was brought in unconscious",
  "agent": [
    {"who": {"identifier": {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "'${PATIENT#*|}'"}},
      "requestor": false},
    {"who": {"identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "RZZ01"}},
      "requestor": false},
    {"who": {"identifier": {"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "910000000018"}},
      "role": [{"text": "Doctor"}], "requestor": false}],
  "source": {"observer": {"identifier": {"system": "https://fhir.nhs.uk/Id/nhsSpineASID", "value": "200000009014"}}},
  "entity": [{"what": {"identifier": {"value": "'$ID'"}}}]}'
""",
    ),
    (
        "For a client that cannot send X-SCR-Access: the patient's answer on record first",
        """curl -s $G/permissions -H 'Content-Type: application/json' \\
  -H "X-SCR-System: symphony-rzz01" -H "Authorization: Bearer $TOKEN" \\
  -d '{"nhs_number": "'${PATIENT#*|}'", "answer": "yes", "kind": "single"}'
""",
    ),
    (
        "Then the summary under that answer (X-SCR-Access says no permission; the relationship could be on record too)",
        """curl -s $G/fhir/R4/Bundle/_search --data-urlencode "composition.identifier=$ID" \\
  --data-urlencode "composition.subject:Patient.identifier=$PATIENT" \\
  -H "X-SCR-System: symphony-rzz01" -H "Authorization: Bearer $TOKEN" \\
  -H "X-SCR-Access: $(printf '{"relationship":"self-claimed"}' | base64 -w0 | tr '+/' '-_' | tr -d =)"
""",
    ),
)
"""(what it does, the command): to be pasted in this order after BEFORE, in one shell."""


def addressed(text: str, gateway: str, identity: str) -> str:
    """A text of the sandbox's usual addresses with the addresses of this one."""
    return text.replace("http://127.0.0.1:8080", gateway).replace("http://127.0.0.1:8082", identity)


@dataclass(frozen=True)
class DocsPages:
    """The pages of a gateway at `address`, which sends browsers to sign in at `layout.identity_origin`."""

    layout: Layout
    address: str

    async def show(self, request: web.Request) -> web.Response:
        """GET /docs: a page for browsers, JSON for programs."""
        if not reads_html(request):
            return _json({"doors": [_listed(door) for door in DOORS], "codes": "/errors"})
        commands = [(BEFORE, ""), *((text, title) for title, text in COMMANDS)] if self.layout.sandbox else []
        return self.layout.page(
            "docs.jinja",
            doors=DOORS,
            base=self.address.rstrip("/") + PATH,
            before_and_commands=[(title, self._own(text)) for text, title in commands],
            operations=(found := list(operations(self._openapi))),
            told=_united(found, "headers"),
            answers=sorted(_united(found, "answers").items()),
            access=self._openapi["components"]["schemas"]["AccessFacts"]["properties"],
        )

    async def openapi(self, _: web.Request) -> web.Response:
        """GET /docs/openapi.json."""
        return web.Response(body=_packaged("openapi.json"), content_type="application/json")

    async def postman(self, _: web.Request) -> web.Response:
        """GET /docs/postman.json: the collection, with this gateway's own addresses."""
        return _json(json.loads(self._own(_packaged("postman.json").decode())))

    def _own(self, text: str) -> str:
        return addressed(text, self.address.rstrip("/"), self.layout.identity_origin)

    @cached_property
    def _openapi(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(_packaged("openapi.json"))
        return found


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each operation of an OpenAPI document, its references followed: method, path, words, parameters, body, answers."""

    def followed(part: dict[str, Any]) -> dict[str, Any]:
        reference = part.get("$ref")
        if reference is None:
            return part
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return dict(found)

    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            media = next(iter(content), "")
            parameters = [_shown(followed(each)) for each in operation.get("parameters", [])]
            yield {
                "method": method.upper(),
                "path": path,
                "summary": operation["summary"],
                "description": operation.get("description", ""),
                "parameters": [each for each in parameters if each["in"] != "header"],
                "headers": {each["name"]: each for each in parameters if each["in"] == "header"},
                "media": media,
                "body": json.dumps(content[media]["example"], indent=2) if media else "",
                "answers": {status: followed(row)["description"] for status, row in operation["responses"].items()},
            }


def _united(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """What the operations have in `name`, the first that names a key deciding its words."""
    return {key: value for one in reversed(found) for key, value in one[name].items()}


def _shown(parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter with an example value: its own, else one of those allowed."""
    allowed = parameter["schema"].get("enum", [])
    return parameter | {"example": parameter.get("example", " or ".join(str(value) for value in allowed))}


def _listed(door: Door) -> dict[str, Any]:
    return {"door": door.name, "form": door.form, "sent_to": door.sent_to, "addresses": list(door.links)}


def _packaged(name: str) -> bytes:
    return files("gateway.schemas").joinpath("fhir", name).read_bytes()


def _json(document: dict[str, Any]) -> web.Response:
    return web.Response(body=orjson.dumps(document), content_type="application/json")
