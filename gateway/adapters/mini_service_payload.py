"""What the mini-service operations share: a request whose envelope is in order, and the reading of its payload's parts.

It translates only: whether something asked for is allowed is the service's business.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml import etree

from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import NhsNumber, NhsNumbers, NumberRange
from gateway.domain.permission import AccessClaims
from gateway.service.calls import Call, Credentials, MessageRef
from gateway.service.outcomes import Outcome
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.itk import ItkRequest
from gateway.xml.names import HL7, qname
from gateway.xml.operations import Operation


class EnvelopeInvalid(MessageInvalid):
    """Headers or distribution envelope are wrong, so that the message cannot be trusted or routed: fault 1000."""

    def __init__(self, code: Code, findings: tuple[Finding, ...], relates_to: str | None) -> None:
        super().__init__(code, findings)
        self.relates_to = relates_to
        """The request's own message id, where it could be read."""


class PayloadInvalid(MessageInvalid):
    """The envelope is in order, so the operation is known; its payload is not: a response code, not a fault."""

    def __init__(
        self,
        code: Code,
        findings: tuple[Finding, ...],
        request: ItkRequest,
        response: str | None = None,
        rules: tuple[str, ...] = (),
    ) -> None:
        super().__init__(code, findings, rules=rules)
        self.request = request
        self.response = response
        """The response code, where it is not the one of `code`."""


class NotNewStyle(MessageInvalid):
    """An NHS number that is none: the PDS operations have a response code of their own for it."""


class IdentityUnusable(MessageInvalid):
    """The audit identity names a user, role or organisation by an id that cannot be one: SMSP-0005."""


class SenderRefused(AccessDenied):
    """The message says it comes from another system or organisation than the one proved, or is signed by another, or not
    as it was signed: fault 3000.
    """

    def __init__(self, request: ItkRequest, code: Code = Code.SYSTEM_UNKNOWN) -> None:
        super().__init__(code, rules=("P-84",))
        self.request = request


class Unguaranteed(Exception):
    """A part that the schema guarantees is absent. Only the explain pass, which reads broken payloads, meets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What the field rules read, and what they are judged against."""

    payload: etree._Element
    """The HL7 payload."""
    claims: AccessClaims
    numbers: NhsNumbers
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Fields):
    """A request whose envelope and payload are valid, with what all operations share."""

    request: ItkRequest
    credentials: Credentials
    message: MessageRef

    @property
    def common(self) -> dict[str, Any]:
        """The members every call has."""
        return {
            "action": self.request.operation.name,
            "credentials": self.credentials,
            "claims": self.claims,
            "message": self.message,
            "reading": self.request,
        }


Rules = Callable[[Fields], Iterator[Callable[[], object]]]
"""The field rules of one operation, each a call that raises MessageInvalid where the rule is broken."""


def no_rules(_: Fields) -> Iterator[Callable[[], object]]:
    """For an operation whose schema says all."""
    return iter(())


def field_findings(rules: Rules, fields: Fields) -> Iterator[Finding]:
    """Every field rule that a payload breaks, also where its schema does not hold: a rule without its part is silent."""
    for rule in rules(fields):
        try:
            rule()
        except MessageInvalid as invalid:
            yield from invalid.findings
        except Unguaranteed:
            continue


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """How one operation's payload is read and its response payload written."""

    read: Callable[[Asked], Call]
    """Raises MessageInvalid, InvalidValue."""
    write: Callable[[ItkRequest, Call, Outcome, str], etree._Element]
    """(request, call, outcome, payload id) -> response payload."""
    fail: Callable[[Operation, str, str], etree._Element]
    """(operation, payload id, response code) -> response payload of a failure."""
    rules: Rules = no_rules
    """What `read` demands beyond the schema, rule by rule: it raises exactly where one of these does."""


def find(element: etree._Element, path: str) -> etree._Element | None:
    """The first element at `a/b/c` in the HL7 namespace, or None."""
    return element.find("/".join(qname(HL7, step) for step in path.split("/")))


def needed(element: etree._Element, path: str) -> etree._Element:
    """The element the schema guarantees at `a/b/c`. Raises Unguaranteed where the schema was not checked."""
    found = find(element, path)
    if found is None:
        raise Unguaranteed(path)
    return found


def broken(
    fault: Fault,
    element: etree._Element | None,
    expected: str,
    *,
    attribute: str | None = None,
    kind: type[MessageInvalid] = MessageInvalid,
) -> MessageInvalid:
    """A payload rule beyond the schema is broken at `element`. Nothing of what the caller wrote is repeated."""
    if element is None or (attribute is not None and attribute not in element.attrib):
        attribute = None
    return kind(fault.entry.code, (finding(fault, element, attribute, expected=expected),))


def read_number(fields: Fields, element: etree._Element) -> NhsNumber:
    """The NHS number in `@extension`. Raises NotNewStyle (a MessageInvalid)."""
    try:
        return fields.numbers.read(element.get("extension", ""))
    except InvalidValue as error:
        expected = number_expected(fields.numbers)
        raise broken(Fault.NHS_NUMBER, element, expected, attribute="extension", kind=NotNewStyle) from error


def number_expected(numbers: NhsNumbers) -> str:
    """What an NHS number must be here, in words."""
    first = "beginning with 9" if numbers.range is NumberRange.SYNTHETIC else "not beginning with 9"
    return f"ten digits that pass Modulus 11, {first}: this installation accepts {numbers.range.value} numbers only"
