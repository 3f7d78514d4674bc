"""POST /permissions, /relationships and /relationships/end: JSON doors through which permission and relationships are put on record.

Permissions come from registered systems with a proved user; relationships only from systems registered to feed them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, TypeVar

import orjson

from gateway.adapters.problems import problem
from gateway.domain.access import PLAIN_VERSION, Scope, SystemKind
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InternalError, InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import NhsNumber, NhsNumbers, RoleProfileId, TeamId, UserId
from gateway.domain.instants import LONDON
from gateway.domain.permission import AccessClaims, HowAsked, PermissionAnswer, RelationshipKind
from gateway.service.calls import Call, Credentials, EndRelationshipsCall, FeedRelationshipCall, RecordPermissionCall
from gateway.service.doors import WireRequest, WireResponse
from gateway.service.outcomes import Outcome, Recorded
from gateway.xml.spoken import WITHHELD, name_may_be_said

E = TypeVar("E", bound=StrEnum)
JSON = "application/json"


def invalid(pointer: str, expected: str, code: Code = Code.MESSAGE_VALUE) -> MessageInvalid:
    """A message whose member at `pointer` is not what is expected."""
    finding = Finding(code="member", sentence=f"{pointer} is not {expected}.", path=pointer, expected=expected)
    return MessageInvalid(code, (finding,))


def _of_members(error: MessageInvalid) -> MessageInvalid:
    """The same, its findings as this door writes them: the service names a member, and knows no JSON pointer."""
    findings = tuple(
        one if one.code != "access-fact" else finding
        for one in error.findings
        for finding in invalid(f"/{one.path}", one.expected).findings
    )
    return MessageInvalid(error.code, findings, rules=error.rules)


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a JSON object, read strictly: each once, known, and of its type."""

    values: Mapping[str, Any]

    @classmethod
    def read(cls, body: bytes, known: frozenset[str]) -> "Members":
        """Raises MessageInvalid: not a JSON object, or a member that is not known or stands twice."""
        try:
            orjson.loads(body)  # the stricter of the two: no other encoding, no number that JSON does not know
            values = json.loads(body.decode("utf-8"), object_pairs_hook=_Pairs)
        except (ValueError, RecursionError) as error:
            raise invalid("/", "a JSON object", Code.MESSAGE_SCHEMA) from error
        if not isinstance(values, _Pairs):
            raise invalid("/", "a JSON object", Code.MESSAGE_SCHEMA)
        found: dict[str, Any] = {}
        for name, value in values:
            if name not in known:
                raise invalid(_pointer(name), "a member known here", Code.MESSAGE_SCHEMA)
            if name in found:  # which of the two is meant nobody can know
                raise invalid(_pointer(name), "a member given once", Code.MESSAGE_SCHEMA)
            found[name] = value
        return cls(found)

    def text(self, name: str) -> str | None:
        """A string of at most 200 characters, or None where it is absent."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not 0 < len(value) <= 200:
            raise invalid(f"/{name}", "a text of 1 to 200 characters")
        return value

    def one_of(self, name: str, values: type[E], default: E | None = None) -> E:
        """A word of a closed list."""
        text = self.text(name)
        if text is None and default is not None:
            return default
        try:
            return values(text or "")
        except ValueError as error:
            raise invalid(f"/{name}", "one of " + ", ".join(values)) from error

    def day(self, name: str) -> date | None:
        """A calendar date YYYY-MM-DD."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return date.fromisoformat(text) if len(text) == 10 else _not_a_date()
        except ValueError as error:
            raise invalid(f"/{name}", "a date YYYY-MM-DD") from error

    def end_of(self, name: str) -> datetime | None:
        """The last second of that London day."""
        day = self.day(name)
        return datetime.combine(day, time(23, 59, 59), LONDON).astimezone(UTC) if day else None


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object in order, each as often as it stands there."""


def _pointer(name: str) -> str:
    """To a member of the caller's; one whose name could hold a number or a date is not named."""
    return f"/{name if name_may_be_said(name) else WITHHELD}"


def _not_a_date() -> date:
    raise ValueError


def bearer(headers: Mapping[str, str]) -> str | None:
    """The token of an Authorization: Bearer header (RFC 6750), or None. Raises MessageInvalid where the header stands
    twice: whose token counts must not hang on their order.
    """
    found = [value for name, value in headers.items() if name.lower() == "authorization"]
    if len(found) > 1:
        raise invalid("http.Authorization", "a header sent once", Code.MESSAGE_HEADERS)
    scheme, _, token = "".join(found).partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


class RecordsDoor:
    """What the three doors share: JSON in, JSON or a problem out."""

    name = "records"
    media_types = frozenset({JSON})
    max_bytes = 16 * 1024

    def __init__(self, numbers: NhsNumbers) -> None:
        self._numbers = numbers

    def _patient(self, members: Members) -> NhsNumber:
        try:
            return self._numbers.read(members.text("nhs_number") or "")
        except InvalidValue as error:
            raise invalid("/nhs_number", "a valid NHS number of this installation's range") from error

    def write(self, wire: WireRequest, call: Call, outcome: Outcome) -> WireResponse:
        """The ids of what was recorded."""
        if not isinstance(outcome, Recorded):
            raise InternalError
        document = self.document(outcome) | {"correlation_id": wire.correlation_id.value}
        return WireResponse(status=201 if outcome.ids else 200, media_type=JSON, body=orjson.dumps(document))

    def document(self, outcome: Recorded) -> dict[str, object]:
        """The body of the answer."""
        raise NotImplementedError

    def refuse(self, wire: WireRequest, call: Call | None, error: GatewayError) -> WireResponse:
        """A problem document, whose findings name members of the JSON object."""
        return problem(wire, _of_members(error) if isinstance(error, MessageInvalid) else error)


class PermissionsDoor(RecordsDoor):
    """POST /permissions (P-04, P-20..P-23)."""

    name = "permissions"
    members = frozenset(
        {
            "nhs_number",
            "answer",
            "kind",
            "scope",
            "until",
            "how_asked",
            "question_version",
            "answered_by",
            "role_profile",
        }
    )

    def read(self, wire: WireRequest) -> RecordPermissionCall:
        """JSON body and bearer token -> call. Raises MessageInvalid."""
        members = Members.read(wire.body, self.members)
        role = members.text("role_profile")
        try:
            profile = RoleProfileId(role) if role else None
        except InvalidValue as error:
            raise invalid("/role_profile", "a role profile id of twelve digits") from error
        kind = members.text("kind") or "single"
        if kind not in {"single", "extended", "proxy"}:
            raise invalid("/kind", "one of single, extended, proxy")
        version = members.text("question_version")
        if version is not None and not PLAIN_VERSION.fullmatch(version):
            raise invalid("/question_version", "a version of 1 to 32 plain characters, such as 2 or 2026-03")
        scope = members.text("scope")
        mini_service = wire.system is not None and wire.system.kind is SystemKind.MINI_SERVICE
        return RecordPermissionCall(
            # a mini-service system may do here what it is registered to do there, no more
            action="createPTV" if mini_service else "recordPermission",
            credentials=Credentials(token=bearer(wire.headers), named_role=profile),
            claims=AccessClaims(role=profile),
            patient=self._patient(members),
            answer=members.one_of("answer", PermissionAnswer),
            kind=kind,
            scope=members.one_of("scope", Scope) if scope else None,
            until=members.end_of("until"),
            how_asked=members.one_of("how_asked", HowAsked, HowAsked.FACE_TO_FACE),
            question_version=version,
        )

    def document(self, outcome: Recorded) -> dict[str, object]:
        """permission_id, until and how many older permissions ended."""
        return {
            "permission_id": outcome.ids[0],
            "until": outcome.until.isoformat() if outcome.until else None,
            "ended": outcome.ended,
        }


def _team(members: Members) -> TeamId | None:
    text = members.text("team")
    try:
        return TeamId(text) if text else None
    except InvalidValue as error:
        raise invalid("/team", "a team code") from error


def _user(members: Members) -> UserId | None:
    text = members.text("user")
    try:
        return UserId(text) if text else None
    except InvalidValue as error:
        raise invalid("/user", "a user id of twelve digits") from error


class RelationshipsDoor(RecordsDoor):
    """POST /relationships: what a patient administration system knows (P-01)."""

    name = "relationships"
    members = frozenset({"nhs_number", "kind", "scope", "user", "team", "start", "end"})

    def read(self, wire: WireRequest) -> FeedRelationshipCall:
        """JSON body -> call. Raises MessageInvalid."""
        members = Members.read(wire.body, self.members)
        scope = members.one_of("scope", Scope, Scope.INDIVIDUAL)
        user, team = _user(members), _team(members)
        end = members.end_of("end")
        if end is None:
            raise invalid("/end", "a date YYYY-MM-DD, which is mandatory")
        if scope is Scope.INDIVIDUAL and user is None:
            raise invalid("/user", "the user an individual relationship is for")
        if scope is Scope.TEAM and team is None:
            raise invalid("/team", "the team a team relationship is for")
        start = members.day("start")
        return FeedRelationshipCall(
            action="recordRelationship",
            patient=self._patient(members),
            kind=members.one_of("kind", RelationshipKind),
            scope=scope,
            user=user,
            team=team,
            start=datetime.combine(start, time(), LONDON).astimezone(UTC) if start else None,
            end=end,
        )

    def document(self, outcome: Recorded) -> dict[str, object]:
        """relationship_id and until."""
        return {"relationship_id": outcome.ids[0], "until": outcome.until.isoformat() if outcome.until else None}


class EndRelationshipsDoor(RecordsDoor):
    """POST /relationships/end: a feed takes back what it fed."""

    name = "relationships"
    members = frozenset({"nhs_number", "user", "team"})

    def read(self, wire: WireRequest) -> EndRelationshipsCall:
        """JSON body -> call. Raises MessageInvalid."""
        members = Members.read(wire.body, self.members)
        user, team = _user(members), _team(members)
        if user is not None and team is not None:
            raise invalid("/team", "a member beside user: a relationship is for one of the two")
        return EndRelationshipsCall(action="endRelationships", patient=self._patient(members), user=user, team=team)

    def document(self, outcome: Recorded) -> dict[str, object]:
        """How many ended."""
        return {"ended": outcome.ended}
