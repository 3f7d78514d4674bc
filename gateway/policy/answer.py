"""`decide`: judges every rule the operation must pass and says allow, deny or what is needed next. Deny by default.

Must never allow while a rule is unjudged, nor let an error inside a rule pass for anything but a deny.
"""

from gateway.domain.codes import Code
from gateway.domain.decision import AlertType, Decision, Facts, PermissionBasis, Reason, Verdict
from gateway.domain.permission import PermissionClaim, RecordedPermission
from gateway.policy.alerts import attempt, basis, plan, seen_by
from gateway.policy.case import Case
from gateway.policy.judging import PASSED, VIEWS, Failed, Judgement, NotYet, Rule, Stage
from gateway.policy.rules import BY_OPERATION
from gateway.policy.rules.organisation import untrained
from gateway.policy.settings import PolicySettings

NO_RULES = "P-13"
"""What a deny is filed under where no rule spoke: an operation without rules, or a rule that could not be judged."""


def decide(facts: Facts, settings: PolicySettings) -> Decision:
    """The decision on these facts under these settings. Pure, and never raises.

    DENY with every reason, in the policy's order, as soon as one rule fails; else NEEDS_PATIENT or NEEDS_CONSENT while a
    rule waits for PDS or for Spine's consent; else ALLOW.
    """
    case = Case(facts, settings)
    rules = BY_OPERATION.get(facts.operation, ())
    if not rules:
        return _denied(case, (Reason(NO_RULES, Code.INTERNAL, "an operation without rules"),))
    reasons: list[Reason] = []
    waits: set[Stage] = set()
    for rule in rules:
        judgement = judged(rule, case)
        if judgement is PASSED:
            continue
        if isinstance(judgement, Failed):
            reasons.extend(judgement.reasons)
        elif isinstance(judgement, NotYet):
            waits.add(judgement.stage)
    if reasons:
        return _denied(case, tuple(reasons))
    try:
        return _not_denied(case, waits)
    except Exception as error:  # noqa: BLE001 - an error is a deny, whatever it is (I6)
        return _denied(case, (_broken(NO_RULES, error),))


def judged(rule: Rule, case: Case) -> Judgement:
    """The rule's judgement; an error inside it is a failure."""
    try:
        judgement = rule.judge(case)
    except Exception as error:  # noqa: BLE001 - an error inside a rule is a deny, whatever it is (I6)
        return Failed((_broken(rule.ids[0], error),))
    if judgement is PASSED or isinstance(judgement, NotYet) or (isinstance(judgement, Failed) and judgement.reasons):
        return judgement
    return Failed((Reason(rule.ids[0], Code.INTERNAL, "no judgement"),))


def held(facts: Facts, settings: PolicySettings) -> RecordedPermission | None:
    """The recorded permission that would cover a view by this user now; None where none does or a no is newer."""
    return Case(facts, settings).held


def seen(facts: Facts, settings: PolicySettings) -> frozenset[AlertType]:
    """The types of alert this user's role may read; none where the role has neither activity."""
    return seen_by(Case(facts, settings))


def _broken(rule: str, error: Exception) -> Reason:
    return Reason(rule, Code.INTERNAL, type(error).__name__)


def _denied(case: Case, reasons: tuple[Reason, ...]) -> Decision:
    alert = None
    if case.facts.operation in VIEWS:
        try:
            alert = attempt(case)
        except Exception as error:  # noqa: BLE001 - the deny stands; its alert is lost to a bug, and the reason says so
            reasons = (*reasons, _broken(NO_RULES, error))
    return Decision(verdict=Verdict.DENY, reasons=reasons, policy_version=case.settings.version, alert=alert)


def _not_denied(case: Case, waits: set[Stage]) -> Decision:
    if Stage.LOCAL in waits:
        return _denied(case, (Reason(NO_RULES, Code.INTERNAL, "a local rule could not be judged"),))
    verdict = Verdict.ALLOW
    if waits:
        verdict = Verdict.NEEDS_PATIENT if Stage.PATIENT in waits else Verdict.NEEDS_CONSENT
    if case.facts.operation not in VIEWS:
        return Decision(verdict=verdict, policy_version=case.settings.version)
    rests_on = basis(case)
    if verdict is Verdict.ALLOW and rests_on is None:
        return _denied(case, (Reason(NO_RULES, Code.INTERNAL, "a view that rests on nothing"),))
    standing = case.standing if not case.self_claim else None
    return Decision(
        verdict=verdict,
        policy_version=case.settings.version,
        basis=rests_on,
        permission_id=_permission_id(case, rests_on),
        relationship_id=standing.id if standing is not None else None,
        self_claim=case.self_claim,
        alert=plan(case) if verdict is Verdict.ALLOW else None,
        warnings=("training",) if untrained(case) else (),
    )


def _permission_id(case: Case, rests_on: PermissionBasis | None) -> str | None:
    """The permission on record the view rests on, where it rests on one."""
    on_record = case.facts.claims.permission is PermissionClaim.NOT_ASKED
    if not on_record or rests_on is PermissionBasis.NOT_APPLICABLE_REGISTERED or case.held is None:
        return None
    return case.held.id
