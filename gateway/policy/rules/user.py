"""Rules about the person and the one role they act in: proof, assurance, role, activity codes (P-07..P-10)."""

from gateway.domain.access import Operation, Role, SystemKind, User
from gateway.domain.codes import Code
from gateway.domain.decision import Reason
from gateway.domain.identifiers import ActivityCode
from gateway.domain.permission import PermissionClaim
from gateway.policy.case import Case
from gateway.policy.judging import (
    BY_USERS,
    NEEDS_PATIENT,
    OWN,
    PASSED,
    SEED,
    UNJUDGED,
    VIEWS,
    Failed,
    Judgement,
    Rule,
    Stage,
    failed,
)

BROWSERS = frozenset({SystemKind.STANDALONE, SystemKind.ONE_CLICK})
"""Kinds whose users look at the gateway's own pages, and so need the activity for that too."""


def _proved(case: Case) -> Judgement:
    facts = case.facts
    if not case.needs_user:
        return PASSED
    if facts.proof is None:
        return failed("P-07", Code.CREDENTIALS_MISSING)
    if facts.user is None:
        return failed("P-07", Code.USER_UNKNOWN)
    if facts.user.id != facts.proof.id:
        return failed("P-07", Code.USER_MISMATCH)
    return PASSED


def _unexpired(case: Case) -> Judgement:
    facts = case.facts
    if not case.needs_user:
        return PASSED
    if facts.proof is None:
        return UNJUDGED
    if facts.now >= facts.proof.expires + case.settings.limits.proof_leeway:
        return failed("P-07", Code.CREDENTIALS_EXPIRED)
    return PASSED


def _assured(case: Case) -> Judgement:
    facts = case.facts
    if not case.needs_user:
        return PASSED
    if facts.proof is None:
        return UNJUDGED
    if facts.proof.assurance.value < case.settings.limits.assurance:
        return failed("P-07", Code.CREDENTIALS_ASSURANCE, facts.proof.assurance.name)
    return PASSED


def _has_role(case: Case) -> Judgement:
    if not case.needs_user:
        return PASSED
    if case.facts.user is None:
        return UNJUDGED
    return PASSED if case.facts.user.roles else failed("P-10", Code.ROLE_NONE)


def _one_role(case: Case) -> Judgement:
    facts = case.facts
    if not case.needs_user:
        return PASSED
    if facts.user is None or not facts.user.roles:
        return UNJUDGED
    if facts.role is None:
        return failed("P-09", Code.ROLE_NOT_CHOSEN)
    if not _holds(facts.user, facts.role):
        return failed("P-09", Code.ROLE_NOT_HELD)
    chosen = facts.proof.selected_role if facts.proof is not None else None
    named = {role for role in (chosen, facts.claims.role) if role is not None}
    if named - {facts.role.id}:
        return failed("P-09", Code.ROLE_NOT_HELD, "another role was chosen")
    return PASSED


def _holds(user: User, role: Role) -> bool:
    """Whether this role, with these activities and teams, is one of the user's own."""
    return any(
        own.id == role.id
        and own.organisation == role.organisation
        and own.activities == role.activities
        and own.teams == role.teams
        for own in user.roles
    )


def _activity(case: Case) -> Judgement:
    """Every missing code is a reason of its own. Activities of the user's other roles do not count."""
    facts, codes = case.facts, case.settings.activities
    if not case.needs_user:
        return PASSED
    if facts.role is None:
        return UNJUDGED
    if facts.operation is Operation.ACTIVITY_REPORT:
        report = codes.report in case.activities or facts.role.job_role in case.settings.report_job_roles
        return PASSED if report else _missing(codes.report)
    if facts.operation is Operation.PRIVACY:
        officer = not case.activities.isdisjoint({codes.self_claim_alerts, codes.access_alerts})
        return PASSED if officer else _missing(codes.self_claim_alerts, codes.access_alerts)
    missing = [code for code in _needed(case) if code not in case.activities]
    if missing == [codes.self_claim] and case.registered is None:
        return NEEDS_PATIENT  # a registered patient's practice claims nothing
    return _missing(*missing) if missing else PASSED


def _missing(*codes: ActivityCode) -> Failed:
    return Failed(tuple(Reason("P-08", Code.ROLE_ACTIVITY, code.value) for code in codes))


def _needed(case: Case) -> tuple[ActivityCode, ...]:
    """Activity codes without which this operation is closed."""
    facts, codes = case.facts, case.settings.activities
    if facts.operation is Operation.TRACE:
        return (codes.trace,)
    if facts.operation not in VIEWS:
        return ()
    needed = [codes.view]
    if facts.system.kind in BROWSERS:
        needed.insert(0, codes.trace)
    if case.overrides:
        legal = facts.claims.permission is PermissionClaim.LEGAL
        needed.append(codes.legal if legal else codes.emergency)
    if case.self_claim:
        needed.append(codes.self_claim)
    return tuple(needed)


RULES = (
    Rule(
        ids=("P-07",),
        sentence="A person is proved by an assertion of the identity service, never by a name alone.",
        source=SEED,
        stage=Stage.LOCAL,
        operations=BY_USERS,
        judge=_proved,
    ),
    Rule(
        ids=("P-07",),
        sentence="The proof of a person has not expired.",
        source=OWN,
        stage=Stage.LOCAL,
        operations=BY_USERS,
        judge=_unexpired,
    ),
    Rule(
        ids=("P-07",),
        sentence="The sign-in is smartcard grade: authenticator assurance level 2 or better.",
        source=f"{SEED}; the level follows the Summary Care Record FHIR API",
        stage=Stage.LOCAL,
        operations=BY_USERS,
        judge=_assured,
    ),
    Rule(
        ids=("P-10",),
        sentence="A person without any role is refused.",
        source="CIS2 Authentication: role selection",
        stage=Stage.LOCAL,
        operations=BY_USERS,
        judge=_has_role,
    ),
    Rule(
        ids=("P-09",),
        sentence="One of the person's own roles is chosen, and it alone counts.",
        source="CIS2 Authentication: role selection",
        stage=Stage.LOCAL,
        operations=BY_USERS,
        judge=_one_role,
    ),
    Rule(
        ids=("P-08",),
        sentence="The chosen role holds every activity code that what is asked needs.",
        source=f"{SEED}; which code opens what is {OWN}",
        stage=Stage.LOCAL,
        operations=BY_USERS,
        judge=_activity,
    ),
)
