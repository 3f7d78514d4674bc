"""Rules about where and for what a record is asked: purpose, setting, set-up, site, training (P-14, P-15, P-30..P-77)."""

from functools import partial

from gateway.domain.access import OnboardingStep, Purpose, SystemKind, TrainingMode
from gateway.domain.codes import Code
from gateway.domain.decision import Reason
from gateway.policy.case import Case
from gateway.policy.judging import (
    BY_USERS,
    CARE,
    EVERY,
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

STEPS = {
    OnboardingStep.INTEREST: "P-70",
    OnboardingStep.SITES_AGREED: "P-71",
    OnboardingStep.IT_ASSESSED: "P-72",
    OnboardingStep.TRAINING_PLANNED: "P-73",
    OnboardingStep.STAFF_AND_CODES: "P-74",
    OnboardingStep.PRIVACY_OFFICER: "P-75",
}


def _purpose_open(case: Case) -> Judgement:
    """Neither what is asked nor what the system is registered for may be a refused purpose; no flag is consulted."""
    refused = case.settings.refused_purposes
    purposes = dict.fromkeys((case.facts.purpose, case.facts.system.purpose))
    rules = dict.fromkeys(refused[purpose] for purpose in purposes if purpose in refused)
    if not rules:
        return PASSED
    return Failed(tuple(Reason(rule, Code.PURPOSE_REFUSED) for rule in (*rules, "P-63")))


def _purpose_registered(case: Case) -> Judgement:
    """Equal to or narrower than the system's own: a duty after death is narrower than direct care, for the dead alone."""
    facts = case.facts
    said = facts.claims.purpose
    if said is not None and said != facts.purpose.value:
        return failed("P-15", Code.PURPOSE_NOT_REGISTERED, "the purpose named is not the one in force")
    if facts.purpose is Purpose.POST_DEATH_DUTY and facts.operation in VIEWS:
        if facts.system.purpose not in {Purpose.POST_DEATH_DUTY, Purpose.DIRECT_CARE}:
            return failed("P-15", Code.PURPOSE_NOT_REGISTERED, facts.purpose.value)
        if facts.patient is None:
            return NEEDS_PATIENT
        return PASSED if facts.patient.deceased else failed("P-15", Code.PURPOSE_NOT_REGISTERED, "not deceased")
    narrower = facts.purpose is Purpose.POST_DEATH_DUTY and facts.system.purpose is Purpose.DIRECT_CARE
    if facts.purpose is facts.system.purpose or narrower:
        return PASSED
    return failed("P-15", Code.PURPOSE_NOT_REGISTERED, facts.purpose.value)


def _feeds_only(case: Case) -> bool:
    """A feed has no setting and needs none to feed; whatever else it asks is refused for what it is (P-84), not for that."""
    return case.facts.system.kind is SystemKind.FEED and case.facts.setting is None


def _setting_open(case: Case) -> Judgement:
    """A closed list. A proof of concept opens its setting for its own organisation between its dates."""
    facts, settings = case.facts, case.settings
    if facts.setting is None:
        return UNJUDGED if _feeds_only(case) else failed("P-58", Code.SETTING_UNKNOWN, "none named")
    code = facts.setting.code
    if code in settings.approved:
        return PASSED
    if code in settings.refused_settings:
        return failed(settings.refused_settings[code], Code.PURPOSE_REFUSED, code)
    if code not in settings.not_approved:
        return failed("P-58", Code.SETTING_UNKNOWN, code)
    trial = facts.organisation.proof_of_concept if facts.organisation is not None else None
    if trial is not None and trial.setting.code == code and trial.start <= case.today <= trial.until:
        return PASSED
    rules = (settings.not_approved[code], "P-57")
    return Failed(tuple(Reason(rule, Code.SETTING_NOT_APPROVED, code) for rule in rules))


def _setting_registered(case: Case) -> Judgement:
    """The system's own setting; in the standalone viewer one of the organisation's. A message narrows, never widens."""
    facts = case.facts
    if facts.setting is None or facts.organisation is None:
        return UNJUDGED
    code = facts.setting.code
    own = facts.system.setting
    offered = [setting.code for setting in facts.organisation.settings]
    registered = facts.system.kind is SystemKind.STANDALONE or (own is not None and own.code == code)
    said = facts.claims.setting
    if registered and code in offered and said in {None, code}:
        return PASSED
    return failed("P-15", Code.SETTING_NOT_REGISTERED, code)


def _organisation_known(case: Case) -> Judgement:
    """The system's organisation, which for the standalone viewer is the session's."""
    organisation, own = case.facts.organisation, case.facts.system.organisation
    if organisation is None:
        return failed("P-70", Code.ORGANISATION_NOT_LIVE, "unknown")
    if own is None and case.facts.system.kind is SystemKind.STANDALONE:
        return PASSED
    return PASSED if own == organisation.ods else failed("P-14", Code.ROLE_ORGANISATION, "not the system's")


def _step_done(step: OnboardingStep, case: Case) -> Judgement:
    """Done on or before the day of the request."""
    organisation = case.facts.organisation
    if organisation is None:
        return UNJUDGED
    if any(done is step and day <= case.today for done, day in organisation.onboarding):
        return PASSED
    return failed(STEPS[step], Code.ORGANISATION_NOT_LIVE, step.value)


def _officer_trained(case: Case) -> Judgement:
    organisation = case.facts.organisation
    if organisation is None:
        return UNJUDGED
    if organisation.privacy_officers and case.facts.privacy_officers_trained >= 1:
        return PASSED
    return failed("P-75", Code.ORGANISATION_NOT_LIVE, "no trained privacy officer")


def _site_agreed(case: Case) -> Judgement:
    """The system's own site, agreed for this setting. The standalone viewer is used at no site in particular."""
    facts = case.facts
    if facts.organisation is None or _feeds_only(case):
        return UNJUDGED
    if facts.site is None:
        standalone = facts.system.kind is SystemKind.STANDALONE
        return PASSED if standalone else failed("P-71", Code.SITE_NOT_AGREED, "none named")
    if facts.system.site is not None and facts.system.site != facts.site:
        return failed("P-71", Code.SITE_NOT_AGREED, facts.site.value)
    code = facts.setting.code if facts.setting is not None else None
    for site in facts.organisation.sites:
        if site.ods == facts.site:
            agreed = any(setting.code == code for setting in site.settings)
            return PASSED if agreed else failed("P-71", Code.SITE_NOT_AGREED, "not for this setting")
    return failed("P-71", Code.SITE_NOT_AGREED, facts.site.value)


def _role_here(case: Case) -> Judgement:
    facts = case.facts
    if not case.needs_user:
        return PASSED
    if facts.role is None or facts.organisation is None:
        return UNJUDGED
    return PASSED if facts.role.organisation == facts.organisation.ods else failed("P-14", Code.ROLE_ORGANISATION)


def _trained(case: Case) -> Judgement:
    """Refuses only where the organisation enforces; where it warns, the decision carries a warning."""
    facts = case.facts
    if facts.organisation is None:
        return UNJUDGED
    if facts.trained or facts.organisation.training is TrainingMode.WARN:
        return PASSED
    return failed("P-77", Code.USER_TRAINING)


def untrained(case: Case) -> bool:
    """Whether a view carries the warning that training is not recorded."""
    return not case.facts.trained


RULES = (
    Rule(
        ids=("P-60", "P-61", "P-62", "P-63"),
        sentence="Research, police and other government, and non-clinical cosmetics never open a record, whatever else is said.",
        source=SEED,
        stage=Stage.LOCAL,
        operations=EVERY,
        judge=_purpose_open,
    ),
    Rule(
        ids=("P-15",),
        sentence="The purpose is the system's registered one, or a duty after death to a patient who has died.",
        source=f"{SEED}; the duty after death is {OWN}",
        stage=Stage.LOCAL,
        operations=CARE,
        judge=_purpose_registered,
    ),
    Rule(
        ids=(
            *(f"P-{number}" for number in (*range(30, 46), *range(50, 59))),
            "P-60",
            "P-61",
            "P-62",
        ),
        sentence="The care setting is on the approved list, or its organisation has a proof of concept of its own, in date.",
        source=f"{SEED}; the dates of a proof of concept are {OWN}",
        stage=Stage.LOCAL,
        operations=CARE,
        judge=_setting_open,
    ),
    Rule(
        ids=("P-15",),
        sentence="The setting is one the calling system, or in the standalone viewer the organisation, is registered for.",
        source=OWN,
        stage=Stage.LOCAL,
        operations=CARE,
        judge=_setting_registered,
    ),
    Rule(
        ids=("P-70", "P-14"),
        sentence="The request is made in one organisation, which is known and is the calling system's own.",
        source=SEED,
        stage=Stage.LOCAL,
        operations=EVERY,
        judge=_organisation_known,
    ),
    *(
        Rule(
            ids=(rule_id,),
            sentence=f"The organisation's set-up step '{step.value.replace('_', ' ')}' is done, in whatever order.",
            source=SEED,
            stage=Stage.LOCAL,
            operations=CARE,
            judge=partial(_step_done, step),
        )
        for step, rule_id in STEPS.items()
    ),
    Rule(
        ids=("P-75",),
        sentence="At least one privacy officer is named and trained; below one, viewing stops.",
        source=f"{SEED}; stopping is {OWN}",
        stage=Stage.LOCAL,
        operations=CARE,
        judge=_officer_trained,
    ),
    Rule(
        ids=("P-71",),
        sentence="The site is one of the organisation's agreed sites, agreed for this setting.",
        source=SEED,
        stage=Stage.LOCAL,
        operations=CARE,
        judge=_site_agreed,
    ),
    Rule(
        ids=("P-14",),
        sentence="The role belongs to the organisation in which the request is made.",
        source=SEED,
        stage=Stage.LOCAL,
        operations=BY_USERS,
        judge=_role_here,
    ),
    Rule(
        ids=("P-77",),
        sentence="Where the organisation enforces training, the user's is recorded; where it warns, the answer carries a warning.",
        source=f"{SEED}; the switch is {OWN}",
        stage=Stage.LOCAL,
        operations=VIEWS,
        judge=_trained,
    ),
)
