"""The error tree. Split only where somebody answers differently; the code says the rest.

GatewayError                      anything the gateway answers with a code
 +- MessageInvalid                the caller's message is wrong: answer teaches (findings)
 +- AccessDenied                  system, network or user is not proved or may not: no patient was asked about
 +- PolicyRefused                 `decide` said no: reasons name their rules
 +- NoRecord                      nothing to show
 +- SpineUnavailable              Spine unreachable, faulty, or its answer unusable
 |   +- WrongPatient              an answer about somebody else: raises the operator alarm (I3)
 +- NotPossibleNow                ourselves: audit, overload, directory, identity service
 +- InternalError                 our bug

InvalidValue (a ValueError)       a domain value could not be built; doors turn it into MessageInvalid

Never put a number, name, token, body or clinical text into an argument that ends in `str()`.
"""

from gateway.domain.codes import Code
from gateway.domain.findings import Finding


class InvalidValue(ValueError):
    """A domain value cannot be built from what was given. The text names the kind of value and the rule, not the value."""


class GatewayError(Exception):
    """Base of all errors that the gateway answers with a stable code.

    `rules`: the policy rule ids (P-nn) behind it, for X-SCR-Rules. `retry_after`: seconds, where waiting helps.
    `next_step`: what to do next; the code's own, unless whoever refused knows it more exactly.
    """

    def __init__(self, code: Code, *, rules: tuple[str, ...] = (), retry_after: int | None = None) -> None:
        super().__init__(code.slug)
        self.code = code
        self.rules = rules
        self.retry_after = retry_after
        self.next_step = code.entry.next_step

    @property
    def sentence(self) -> str:
        """The public sentence."""
        return self.code.sentence


class MessageInvalid(GatewayError):
    """The caller's message cannot be accepted. `findings` say where and why; they hold no patient data."""

    def __init__(self, code: Code, findings: tuple[Finding, ...] = (), *, rules: tuple[str, ...] = ()) -> None:
        super().__init__(code, rules=rules)
        self.findings = findings


class AccessDenied(GatewayError):
    """The calling system, its network or the user is not proved, or may not call this at all."""


class PolicyRefused(GatewayError):
    """The decision was deny. `reasons` are those of the Decision: (rule id, code) pairs in the policy's order.

    `detail`: the first reason's own, such as what a note lacks; never patient data, never what was sent.
    """

    def __init__(self, code: Code, reasons: tuple[tuple[str, Code], ...], detail: str = "") -> None:
        super().__init__(code, rules=tuple(dict.fromkeys(rule for rule, _ in reasons)))
        self.reasons = reasons
        self.detail = detail


class NoRecord(GatewayError):
    """There is nothing to show: no patient, not exactly one, or no summary."""


class SpineUnavailable(GatewayError):
    """Spine cannot be reached in time, answered with a fault, or answered something that cannot be used.

    `answered`: Spine took the question and answered with an error of its own about it, rather than failing over it.
    """

    def __init__(self, code: Code, *, answered: bool = False) -> None:
        super().__init__(code)
        self.answered = answered


class WrongPatient(SpineUnavailable):
    """List, event or document names another patient than the one asked for, or its recorded successor."""

    def __init__(self) -> None:
        super().__init__(Code.SPINE_WRONG_PATIENT)


class NotPossibleNow(GatewayError):
    """Something of ours is missing for the moment: the audit store, a worker place, the directory."""


class InternalError(GatewayError):
    """A bug. The cause goes to the log under the correlation id, never to the caller."""

    def __init__(self) -> None:
        super().__init__(Code.INTERNAL)
