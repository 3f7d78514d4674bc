"""What a rule is and what it can answer. A rule is a value: what it is called, what it says, where it comes from, how it judges."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from gateway.domain.access import Operation
from gateway.domain.codes import Code
from gateway.domain.decision import Reason
from gateway.policy.case import Case


class Stage(Enum):
    """When the facts a rule needs are first known."""

    LOCAL = "local"
    PATIENT = "patient"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class Passed:
    """The facts satisfy the rule, or the rule asks nothing of this request."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The facts break the rule."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class NotYet:
    """The rule cannot be judged before the facts of `stage` are known.

    LOCAL: a local fact another rule asks for is missing, such as the role; nothing later will supply it.
    """

    stage: Stage


Judgement = Passed | Failed | NotYet

PASSED = Passed()
NEEDS_PATIENT = NotYet(Stage.PATIENT)
NEEDS_CONSENT = NotYet(Stage.CONSENT)
UNJUDGED = NotYet(Stage.LOCAL)


def failed(rule: str, code: Code, detail: str = "") -> Failed:
    """One reason."""
    return Failed((Reason(rule, code, detail),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the access policy."""

    ids: tuple[str, ...]
    """What its reasons are filed under; the first also stands for an error inside it."""
    sentence: str
    source: str
    stage: Stage
    operations: frozenset[Operation]
    """What is asked where it applies."""
    judge: Callable[[Case], Judgement]


SEED = "View Summary Care Records (SCR)"
GOVERNANCE = "Information governance for SCR"
OWN = "this project's own choice"
EVERY = frozenset(Operation)
VIEWS = frozenset({Operation.VIEW, Operation.PRINT})
"""What shows a record's content."""
CARE = EVERY - {Operation.RECORD_RELATIONSHIP, Operation.PRIVACY}
"""What is asked for a patient's care: everything but feeds and the privacy officer's own work."""
BY_USERS = EVERY - {Operation.SCR_STATUS, Operation.LAUNCH, Operation.RECORD_RELATIONSHIP}
"""What a person asks. Of these a trace needs its person only in the standalone viewer."""
