"""Rules about the patient's permission to view and about opening a record without it (P-02..P-06, P-20, P-22, P-24, P-36)."""

from datetime import date

from gateway.domain.access import Operation, PermissionKind, PermissionPolicy, Role, Scope
from gateway.domain.codes import Code
from gateway.domain.instants import LONDON, from_iso
from gateway.domain.notes import NoteFlaw
from gateway.domain.permission import PermissionClaim, RecordedKind, kept_by
from gateway.policy.case import Case
from gateway.policy.judging import (
    GOVERNANCE,
    NEEDS_PATIENT,
    OWN,
    PASSED,
    SEED,
    UNJUDGED,
    VIEWS,
    Judgement,
    Rule,
    Stage,
    failed,
)
from gateway.policy.notes import flaw, same_words

ANSWERED = {
    PermissionClaim.YES: RecordedKind.SINGLE,
    PermissionClaim.PROXY: RecordedKind.PROXY,
    PermissionClaim.EXTENDED: RecordedKind.EXTENDED,
}
"""Claims that a yes was given, as they go on record."""
RECORDING = VIEWS | {Operation.RECORD_PERMISSION}
WITHOUT_ANSWER = frozenset({PermissionClaim.EMERGENCY, PermissionClaim.BEST_INTERESTS})
"""Overrides that stand in for a patient who cannot answer; a legal basis stands whatever the patient would say."""


def _not_refused(case: Case) -> Judgement:
    """A no given now refuses; a no on record refuses until a later yes. Overrides have their own rule."""
    claim = case.facts.claims.permission
    if claim is PermissionClaim.NO:
        return failed("P-03", Code.PERMISSION_REFUSED)
    if claim is PermissionClaim.NOT_ASKED and case.refusal is not None:
        return failed("P-03", Code.PERMISSION_REFUSED, "on record")
    return PASSED


def _permitted(case: Case) -> Judgement:
    """An answer given now, an override, a yes on record that covers this view, or the patient's own practice."""
    claim = case.facts.claims.permission
    if claim is not PermissionClaim.NOT_ASKED or case.registered or case.held is not None:
        return PASSED
    if case.refusal is not None:
        return PASSED  # refused, not missing: the rule above says so
    if case.registered is None:
        return NEEDS_PATIENT
    if case.open_yes:
        return failed("P-22", Code.PERMISSION_SCOPE)
    return failed("P-02", Code.PERMISSION_MISSING)


def _kept(case: Case) -> Judgement:
    """Only where the organisation's policy keeps answers, and not until a day that is over. Too long is capped, not refused.

    A yes on its way to the record must be one that a view could rest on: it would open nothing, and still end a no.
    """
    facts = case.facts
    kind = ANSWERED.get(facts.claims.permission)
    if kind is None or (kind is not RecordedKind.EXTENDED and facts.operation in VIEWS):
        return PASSED
    if facts.organisation is None:
        return UNJUDGED
    wrong = _unkept(case, kind, facts.organisation.permission)
    return PASSED if wrong is None else failed("P-20", Code.PERMISSION_SCOPE, wrong)


def _unkept(case: Case, kind: RecordedKind, policy: PermissionPolicy) -> str | None:
    """Why a yes of this kind cannot be kept, or would open nothing; None where it can be used."""
    facts, extended = case.facts, kind is RecordedKind.EXTENDED
    scope = facts.claims.scope or (policy.scope if extended else Scope.INDIVIDUAL)
    for_whom = facts.answer_for
    conditions = (
        (extended and policy.kind is not PermissionKind.EXTENDED, "this organisation keeps no permission"),
        (extended and not _to_come(facts.claims.until, case.today), "the last day is over or not a day"),
        (not kept_by(policy, kind, scope), "wider than this organisation keeps a yes of this kind"),
        (
            for_whom is not None and not any(_usable(case, scope, role) for role in for_whom),
            "for nobody who may view",
        ),
    )
    return next((wrong for holds, wrong in conditions if holds), None)


def _usable(case: Case, scope: Scope, role: Role) -> bool:
    """Whether a yes of this scope for somebody in this role reaches anybody who may view; one for a team needs a team."""
    alone = scope is Scope.INDIVIDUAL or (scope is Scope.TEAM and not role.teams)
    return case.may_view(role) or not alone


def _to_come(text: str | None, today: date) -> bool:
    """Whether `text` (YYYY-MM-DD, or an ISO 8601 instant) is today or later; nothing said counts as such."""
    if text is None:
        return True
    try:
        if len(text) > len("YYYY-MM-DD"):
            return from_iso(text).astimezone(LONDON).date() >= today
        day = date.fromisoformat(text)
    except ValueError:
        return False
    return day.isoformat() == text and day >= today


def _reason(case: Case) -> Judgement:
    claims = case.facts.claims
    if claims.permission is not PermissionClaim.EMERGENCY or claims.emergency_reason is not None:
        return PASSED
    return failed("P-05", Code.EMERGENCY_REASON)


def _note(case: Case) -> Judgement:
    """Every override explains itself. The same words as one of the user's last notes explain nothing."""
    facts = case.facts
    if not case.overrides:
        return PASSED
    wrong = flaw(facts.claims.note, facts.recent_notes, case.settings.limits)
    if wrong is None:
        return PASSED
    if facts.claims.permission is PermissionClaim.LEGAL:
        return failed("P-06", Code.LEGAL_BASIS, wrong)
    rule = "P-06" if facts.claims.permission is PermissionClaim.EMERGENCY else "P-24"
    return failed(rule, Code.EMERGENCY_NOTE, wrong)


def _legal_basis(case: Case) -> Judgement:
    claims = case.facts.claims
    if claims.permission is not PermissionClaim.LEGAL or claims.legal_basis is not None:
        return PASSED
    return failed("P-02", Code.LEGAL_BASIS, "no basis named")


def _after_refusal(case: Case) -> Judgement:
    """By anyone in the organisation that was refused: the statement that the condition has changed, in words of its own."""
    claims = case.facts.claims
    if claims.permission not in WITHOUT_ANSWER or not case.refused_lately:
        return PASSED
    if not claims.condition_changed:
        return failed("P-03", Code.EMERGENCY_AFTER_REFUSAL)
    wrong = flaw(claims.condition_changed_note, case.facts.recent_notes, case.settings.limits)
    if wrong is not None or same_words(claims.condition_changed_note, claims.note):
        return failed("P-03", Code.EMERGENCY_AFTER_REFUSAL, wrong or NoteFlaw.SAME)
    return PASSED


RULES = (
    Rule(
        ids=("P-03",),
        sentence="A patient's no closes the record, until the patient says yes.",
        source=SEED,
        stage=Stage.LOCAL,
        operations=VIEWS,
        judge=_not_refused,
    ),
    Rule(
        ids=("P-02", "P-22", "P-36"),
        sentence=(
            "A view rests on the patient's yes, given now or on record for this user, or on an override; "
            "at the practice where the patient is registered none is needed."
        ),
        source=f"{SEED}; {GOVERNANCE}; Viewing SCRs for non-GMS patients within EMIS Web",
        stage=Stage.LOCAL,
        operations=VIEWS,
        judge=_permitted,
    ),
    Rule(
        ids=("P-20",),
        sentence=(
            "A yes is kept beyond one view only where the organisation's own policy says to whom and how long, "
            "and recorded only where a view could rest on it."
        ),
        source=f"{SEED}; {GOVERNANCE}",
        stage=Stage.LOCAL,
        operations=RECORDING,
        judge=_kept,
    ),
    Rule(
        ids=("P-05",),
        sentence="Emergency access says why the patient cannot be asked.",
        source=SEED,
        stage=Stage.LOCAL,
        operations=VIEWS,
        judge=_reason,
    ),
    Rule(
        ids=("P-06", "P-24"),
        sentence="Every view without permission carries a note of substance, not one used lately by the same user.",
        source=f"{SEED}; {GOVERNANCE}; length and substance are {OWN}",
        stage=Stage.LOCAL,
        operations=VIEWS,
        judge=_note,
    ),
    Rule(
        ids=("P-02",),
        sentence="A legal override names its basis: court order, statute or public interest.",
        source="Summary Care Record FHIR API, alert reasons",
        stage=Stage.LOCAL,
        operations=VIEWS,
        judge=_legal_basis,
    ),
    Rule(
        ids=("P-03",),
        sentence="For 24 hours after a no, emergency access there needs the statement that the condition has changed, with a note.",
        source=OWN,
        stage=Stage.LOCAL,
        operations=VIEWS,
        judge=_after_refusal,
    ),
)
