"""Writes docs/doors/fhir.md from the door's own tables and samples: `python -m tests.doors.symphony.document`.

The page is never edited by hand: a test compares it with what this makes, and runs the commands it shows.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from gateway.adapters.fhir.outcome import ISSUES, operation_outcome
from gateway.adapters.fhir.vocabulary import BELONGS, RESOURCES, SECTIONS
from gateway.domain.codes import Code, Kind
from gateway.domain.errors import PolicyRefused
from gateway.pages.docs import BEFORE, COMMANDS
from tests.doors.symphony.conditions import CONDITIONS, OTHERS
from tests.doors.symphony.differences import REASONS
from tests.doors.symphony.fhir_answers import CORRELATION, WIRE
from tests.running import ROOT

PAGE = ROOT / "docs/doors/fhir.md"

OPENING = """# The FHIR R4 door (Symphony, and anyone modern)

This page is made by `python -m tests.doors.symphony.document`; change that, not the page.

The shape is that of the national SCR FHIR API, so that a client written for it is pointed here by its base address. The
form is a simulation of this project's own and claims no conformance to a product or a national service. Policy, audit and
alerts are the gateway's: this door only translates.

| what | where |
|---|---|
| what the server does | `GET /fhir/R4/metadata` |
| is there a summary, and which is the newest | `GET /fhir/R4/DocumentReference`, `POST /fhir/R4/DocumentReference/_search` |
| the summary | `GET /fhir/R4/Bundle`, `POST /fhir/R4/Bundle/_search` |
| a privacy alert of the client's own | `POST /fhir/R4/AuditEvent` |
| every operation with its parameters, commands to paste | `GET /docs` in a browser |
| OpenAPI, Postman | `GET /docs/openapi.json`, `GET /docs/postman.json` (`docs/postman/symphony.json`) |

Uploading a summary and `$setPermission` are not offered: permission to view is recorded through `POST /permissions`.

## Connecting

A system connects with its client certificate (mutual TLS). On the sandbox's plain listener it names itself in
`X-SCR-System` instead, and is not authenticated there. The user is always proved by an ID token.

| header | meaning |
|---|---|
| `Authorization: Bearer …` | the user's ID token, made for this system's client id |
| `NHSD-Session-URID` | the user's role profile, where the sign-in chose none; it must be the user's own |
| `NHSD-Identity-UUID` | optional; where sent it must be the user of the token |
| `X-SCR-Access` | the access facts: one JSON object in base64url |
| `X-Request-ID`, `X-Correlation-ID` | UUIDs, each once, at `metadata` too; mirrored as written, made where absent (in capitals) |
| `Accept`, `_format` | `application/fhir+json` or `application/json`; `_format` counts first, and stands once; several `Accept` lines are one list |
| `Content-Type` | of a body, once: `charset` is UTF-8 or left out, `fhirVersion` is 4.0 or left out, else 415 |
| `Prefer: handling=strict` | refuses search parameters that are not known, which are ignored otherwise; the value may be quoted |

Members of `X-SCR-Access`, all optional: `permission` (yes, extended, proxy, no, not-asked, emergency, best-interests, legal),
`legalBasis`, `emergencyReason`, `note`, `relationship`, `purpose`, `setting`, `roleProfile`, `conditionChanged`,
`conditionChangedNote`, `confirmDeceased`, `dateOfBirth`, `until`, `userToken`. Without them the permission and the relationship on
record are relied on. Unknown members are refused, and a member that stands twice. A `note` or `conditionChangedNote` with
characters that turn the direction of writing (U+202A to U+202E, U+2066 to U+2069) is 400, as at every door. The header may have
6000 characters, a text in it 4096; what is longer is 400 and says so. `roleProfile` and `NHSD-Session-URID` may not differ. What a
note lacks (too short, used lately …) stands in `diagnostics`. An `until` past the
organisation's days is not refused but capped to them; `POST /permissions` answers with the end that holds.

`composition.identifier` takes the id that DocumentReference gave as `masterIdentifier`, which is the `Composition.id` of the
summary, bare or as `https://fhir.nhs.uk/Id/nhsSCRUUID|…`. The `Composition.identifier.value` of a summary is the document's
own id in the practice's system: searched for, it finds nothing (`total` 0).

DocumentReference needs a user who is proved and has chosen a role of the calling organisation, but not the activities of that
role, the user's training, a relationship or a permission. A document found there may be refused at Bundle, which judges them
all. What `X-SCR-Access` says there binds all the same: `permission` `no` is put on record and refuses, as at Bundle; a
`dateOfBirth` that is not the patient's is 403 `birth-date-mismatch`. It is held against the patient's only for whoever could
view: a request with a `dateOfBirth` whose other facts Bundle would refuse is refused at DocumentReference too, in the same words.

Any registered system of an integrated viewer may use this door, not Symphony's alone; a one-click or standalone system may too,
but for its pages and launches nothing is gained by it. A mini-service system may not: it calls what it is registered for. A feed
may not. What a system may do here is judged by the same policy as at every door.

A head line longer than 8190 bytes is refused by HTTP itself, before any door: 414 where it is the address, 431 where it is a header,
an OperationOutcome with `message-too-large`, and the connection is closed. So is what is no HTTP at all, or has two lines of
`Content-Type`, `Host` or another header that stands once: 400, `message-headers`, the header named. `X-Request-ID` is mirrored there
where it stood in the first 8 kB. A method that nobody knows is 405 with `Allow`, like any that an address does not answer. `HEAD` is
answered at `metadata` alone: at a search it would be a view of which nothing is shown. A `charset` other than UTF-8 or a
`fhirVersion` other than 4.0 in `Accept` or `_format` is 406. A 401 has `WWW-Authenticate: Bearer`, with
`error="invalid_token"` where a token was sent and is not taken (RFC 6750). A form or a body may have 16 KiB (`_search`) or 64 KiB (AuditEvent): 413.

## A client that cannot send `X-SCR-Access`

It relies on what is on record when it reads, and speaks plain JSON to put it there ([feeds.md](../feeds.md) has every member):

- The patient's answer (P-02): any registered system with a proved user sends it to `POST /permissions`. `single` holds for that user
  and one view within 12 hours; `extended` only where the organisation keeps answers, and as it keeps them.
- The legitimate relationship (P-01): only the organisation's patient administration system, registered as a feed, sends it to
  `POST /relationships` (and takes it back at `POST /relationships/end`). It holds until its end, at most 12 months.
  A system that views is answered 403, `system-operation`.

Refusals of these are problems (RFC 9457), with the same `X-SCR-Code` and `X-SCR-Rules`. A read that finds neither on record
is 403 with `permission-missing` or `relationship-missing`. A `single` answer is spent by one view: a second read is
`permission-missing` again. An emergency, a best-interests or a legal view cannot be put on record before: it needs the header.

A query string with an NHS number is never logged here; where a client's own proxies may log it, use the `_search` forms.

## A read, to paste (sandbox)

While `make run` runs, in one shell; what each command does stands above it.

```sh
"""

AFTER_COMMANDS = """```

The first answer, for an invented patient:

```json
"""

REFUSALS = """```

## Refusals

A Bundle for a user whose training is not on record, at an organisation that warns of it (P-77), carries the header
`X-SCR-Access-Warnings: training`: show it to the user.

Every refusal is an OperationOutcome with one issue. Its code and rules stand in `X-SCR-Code` and `X-SCR-Rules` too. Values
that were sent are never repeated.

```json
"""

TOTAL_0 = """```

`total` 0 is a search that found nothing: no summary, no such patient, or an id that is not the newest (the national API
answers so; search for the document again). It does **not** mean that nothing is known about the patient. `X-SCR-Code`
says which it was (`scr-not-found`, `patient-not-found`, `number-invalidated`). An id that Spine lists but cannot give is a
refusal (`spine-unusable`), never total 0. Consent may be withdrawn between the two steps: DocumentReference still names the
document, and Bundle is then refused (403, `scr-not-available`), as it is for a patient who said no before; the sandbox plays it
with 999 201 6396. Dissent and protected demographics are refused alike, in both steps, as
`scr-not-available`.

A view without the patient's permission, under a claimed relationship or a legal override raises its privacy alert in the
same transaction as its audit entry, before the answer goes out; a client cannot read and forget. An AuditEvent that is
posted adds an alert of the client's own, once for the same content, for the caller's own organisation and the proved user.
What becomes of each of its members:

| member | what becomes of it |
|---|---|
| `id` | kept with the alert as the client's own; 1 to 64 letters, digits, hyphens and points |
| `type`, `subtype` | their codes are the alert's; `display` must be there, and is not kept: the code counts |
| `recorded` | when the access was: kept, shown, passed on, beside when it came in; with seconds and zone, at most 5 minutes ahead of our clock |
| `extension` | exactly one, the NotificationMessage: kept, shown and passed on; at most 2000 characters |
| `outcomeDesc` | the alert's note, with something that can be seen; at most 2000 characters; may be left out |
| `outcome` | `0` or left out: an alert is of an access that was made |
| `action` | one of R4's (C, R, U, D, E) or left out: kept and passed on |
| `agent` | exactly three: the patient, the caller's own organisation, the proved user; a role must be there, but the user's own goes on record |
| `source` | the calling system's own ASID, or left out; R4 and the national API ask for it, here the system is proved without it |
| `entity` | exactly one: the id of what was opened, `system` `https://fhir.nhs.uk/Id/nhsSCRUUID` or none; kept and passed on |

Every other member is 400: one of R4's with its name, since it would not be kept (`period`, `purposeOfEvent`, an agent's `name`,
`implicitRules`, `modifierExtension`, wherever it stands), any other as one that is not known. So are texts that turn the direction
of writing (U+202A to U+202E, U+2066 to U+2069). The same `id` with the same content is the same alert, whatever the order of its
agents and the way its time is written, and is answered 201 again; with other content it is another alert. R4 asks for a `Location`
of what was created; there is none here, since nothing of an alert is read back through this door.

"""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines) + "\n"


def _sample(name: str) -> str:
    return (WIRE / name).read_text(encoding="utf-8")


def _codes() -> Iterable[tuple[str, ...]]:
    for code in Code:
        issue = ISSUES[code]
        status = "200, total 0 (search)" if code.kind is Kind.NO_RECORD else str(issue.status)
        yield f"`{code.slug}`", status, f"{issue.severity}/{issue.code}", code.sentence


def _kinds() -> Iterable[tuple[str, ...]]:
    for element, kind in RESOURCES.items():
        section = BELONGS.get(element)
        yield element, kind, SECTIONS[section] if section else "the section it stands in"
    yield "Service, LinkAssertion and any other", "Basic", "the section it stands in"


def _conditions() -> Iterable[tuple[str, ...]]:
    for name, row in CONDITIONS.items():
        there, here = (f"{status} {code}: {text}".replace(" :", ":") for status, code, text in (row.national, row.here))
        yield name, there, "the same" if row.national == row.here else here, row.why


def render() -> str:
    """The page."""
    code = Code.PERMISSION_MISSING
    _, outcome = operation_outcome(PolicyRefused(code, (("P-02", code),)), CORRELATION)
    return "".join(
        (
            OPENING,
            "\n".join((BEFORE, *(f"# {title}\n{text}" for title, text in COMMANDS))),
            AFTER_COMMANDS,
            _sample("document-reference.json"),
            REFUSALS,
            json.dumps(outcome, indent=2) + "\n",
            TOTAL_0,
            _table(("code", "HTTP", "issue", "sentence"), _codes()),
            "\n### Beside the national API's answers\n\nA test sends each of these.\n\n",
            _table(("condition", "national API", "here", "why"), _conditions()),
            "\nAnd what no single request shows:\n\n",
            _table(("condition", "national API", "here", "why"), OTHERS),
            (
                "\n## Coded entries\n\nEvery coded entry of a GP Summary becomes one resource; none comes from text. A nullified"
                " entry is entered-in-error (Basic: a modifier extension).\n\n"
                "Where a practice took entries back (nullified, 'entered in error'), the first section of the Composition is none of"
                " the record's: its code is `withdrawn-entries` of `urn:scr-gateway:fhir:section`, its narrative names each such entry,"
                " its `entry` links their resources, and its extensions `withdrawn-entry` (kind, text, time, until, entry) say the"
                " same to programs. The other sections are the practice's words, unchanged, and may still tell such an entry as"
                " current, an allergy among them. So a client that shows narrative must show that section, and before the others;"
                " one that shows resources must heed `entered-in-error`. Where nothing was taken back there is no such section.\n\n"
                "An entry that the record states not to be so (`negationInd`, on itself or on what it stands under) is refuted"
                " (Condition, AllergyIntolerance), not-done (Procedure, Communication) or not-taken (MedicationStatement); a"
                " type without such a status carries the modifier extension `negated`. One with a negation somewhere within it"
                " carries `partly-negated`, and its links are given as neither evidence nor reason. Both say so first in their"
                " note or narrative. A summary that is negated itself,"
                " or whose patient, author or text is, is `spine-unusable`; so is one in which a negation is neither true nor"
                " false (`TRUE`, `yes`, nothing). Both hold at every door: one that passes the summary on as it is may not"
                " alter it and could say nothing beside it, so it refuses it too, as it does active content.\n\n"
                "A completed Problem is `inactive`: the practice has closed it, and R4's `resolved` would say that the patient"
                " is well, which it does not. A Diagnosis or Problem with an end date is `inactive` for the same reason (con-4);"
                " a completed Diagnosis without one has no clinical status, since there `completed` speaks of the entry.\n\n"
                "A resource's id is its entry's own, a UUID of the practice's system, as in the national API: the same entry has"
                " the same id in every version of the summary. An id that is no UUID, or stands twice, stays an identifier, and"
                " the resource's id is derived from the document's.\n\n"
                "A code keeps the system it came with: SNOMED CT, or"
                " `urn:oid:` and its OID. A vaccination is a Treatment on the wire and so a Procedure. A section without coded"
                " entries has its text alone; `nilknown` is never said, `withheld` only of a section that holds nothing but that"
                " statement.\n\n"
            ),
            _table(("entry", "resource", "section"), _kinds()),
            (
                "\nThe Composition's own extensions (`urn:scr-gateway:fhir:…`): `created`, `additional-information`,"
                " `active-content-removed`, `document-statement` (kind and text),"
                " `entry` (an entry whose section has no text in this document, so that no section links it)."
                " On entries: `related` (a link of unstated kind), `entered-in-error`, `negated`, `partly-negated`,"
                " `encounter` and `effective` (Basic: its status, who"
                " took part, and when). On a PractitionerRole: `device` (what acted in a person's place).\n"
            ),
            (
                "\n## Where this differs from the national API's samples\n\nEverything else is equal; a test compares every sample"
                " and fails on a difference without a row here. The samples are no part of this project: where they do not"
                " lie beside it (`../shared/samples`), the comparison is skipped and the test run says why.\n\n"
            ),
            _table(("what", "here", "why"), ((name, row.here, row.why) for name, row in REASONS.items())),
        )
    )


def main(page: Path = PAGE) -> int:
    """Writes the page."""
    page.write_text(render(), encoding="utf-8")
    print(f"{page.relative_to(ROOT)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
