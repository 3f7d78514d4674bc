"""Rules about the calling system: is it active, may it call this, did it call from its network (P-12, P-80..P-84)."""

from gateway.domain.access import Operation, SystemKind, SystemState, UserProof
from gateway.domain.codes import Code
from gateway.policy.case import Case
from gateway.policy.judging import EVERY, OWN, PASSED, SEED, Judgement, Rule, Stage, failed

VOUCHED_OPERATIONS = frozenset({Operation.TRACE, Operation.SCR_STATUS, Operation.RECORD_PERMISSION})
"""What a system may ask without proving its user."""
VOUCHED_RECORDING = "createPTV"
"""The one call by which a vouched system may record a permission."""
LAUNCHERS = frozenset({SystemKind.ONE_CLICK, SystemKind.STANDALONE})
FEED = "relationships"


def _active(case: Case) -> Judgement:
    if case.facts.system.state is SystemState.ACTIVE:
        return PASSED
    return failed("P-84", Code.SYSTEM_SUSPENDED)


def _network(case: Case) -> Judgement:
    return PASSED if case.facts.network_allowed else failed("P-12", Code.SYSTEM_NETWORK)


def _operation(case: Case) -> Judgement:
    """Feeds feed and do nothing else; nobody else feeds. A mini-service client calls what it is registered for."""
    system, operation, action = case.facts.system, case.facts.operation, case.facts.action
    feeding = operation is Operation.RECORD_RELATIONSHIP
    if feeding or system.kind is SystemKind.FEED:
        allowed = feeding and system.kind is SystemKind.FEED and FEED in system.feeds
    elif operation is Operation.LAUNCH:
        allowed = system.kind in LAUNCHERS
    elif system.kind is SystemKind.MINI_SERVICE:
        allowed = action in system.operations
    else:
        allowed = not system.operations or action in system.operations
    return PASSED if allowed else failed("P-84", Code.SYSTEM_OPERATION, operation.value)


def _vouched(case: Case) -> Judgement:
    facts = case.facts
    if facts.system.user_proof is not UserProof.VOUCHED:
        return PASSED
    named_otherwise = facts.operation is Operation.RECORD_PERMISSION and facts.action != VOUCHED_RECORDING
    if named_otherwise or facts.operation not in VOUCHED_OPERATIONS:
        return failed("P-07", Code.CREDENTIALS_MISSING, "a vouched system proves no user")
    if not facts.system_proved and facts.proof is None:
        return failed("P-07", Code.CREDENTIALS_MISSING, "only a system proved by its certificate vouches")
    return PASSED


RULES = (
    Rule(
        ids=("P-84",),
        sentence="A suspended system is refused whatever it asks.",
        source=OWN,
        stage=Stage.LOCAL,
        operations=EVERY,
        judge=_active,
    ),
    Rule(
        ids=("P-12",),
        sentence="A request comes from one of the networks registered for its system.",
        source=f"{SEED}, what a viewer needs; the mapping to networks is {OWN}",
        stage=Stage.LOCAL,
        operations=EVERY,
        judge=_network,
    ),
    Rule(
        ids=("P-84",),
        sentence="A system calls only what its one kind and its registration allow; only feeds feed, and feeds only feed.",
        source=f"{SEED}, ways to connect; one kind each is {OWN}",
        stage=Stage.LOCAL,
        operations=EVERY,
        judge=_operation,
    ),
    Rule(
        ids=("P-07",),
        sentence="A system that names users without proof is proved itself, and may trace, ask for a status and record permission.",
        source=OWN,
        stage=Stage.LOCAL,
        operations=EVERY,
        judge=_vouched,
    ),
)
