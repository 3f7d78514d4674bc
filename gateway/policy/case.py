"""The facts of one decision together with what several rules derive from them, each worked out at most once.

Reads nothing but the facts and the settings it was given.
"""

from datetime import date
from functools import cached_property

from gateway.domain.access import (
    Operation,
    Role,
    Scope,
    SystemKind,
    UserProof,
)
from gateway.domain.decision import Facts
from gateway.domain.identifiers import ActivityCode, NhsNumber, OdsCode, TeamId, UserId
from gateway.domain.instants import LONDON
from gateway.domain.permission import (
    PermissionAnswer,
    RecordedKind,
    RecordedPermission,
    Relationship,
    RelationshipKind,
    kept_by,
)
from gateway.policy.settings import PolicySettings


class Case:
    """One decision's facts, settings and derived values. Not shared between decisions."""

    def __init__(self, facts: Facts, settings: PolicySettings) -> None:
        self.facts = facts
        self.settings = settings

    @cached_property
    def today(self) -> date:
        """The London day of the request."""
        return self.facts.now.astimezone(LONDON).date()

    @cached_property
    def needs_user(self) -> bool:
        """Whether a proved person must stand behind the request (P-07).

        A trace needs one only in the standalone viewer; a vouched system records permissions on its own word.
        """
        system, operation = self.facts.system, self.facts.operation
        if operation is Operation.TRACE:
            return system.kind is SystemKind.STANDALONE
        return operation is not Operation.RECORD_PERMISSION or system.user_proof is not UserProof.VOUCHED

    @cached_property
    def activities(self) -> frozenset[ActivityCode]:
        """What the role in force may do, included activities counted; nothing without a role (P-08, P-09)."""
        role = self.facts.role
        return self.settings.expand(role.activities) if role is not None else frozenset()

    @cached_property
    def overrides(self) -> bool:
        """Whether the request opens the record without permission: emergency, best interests or legal."""
        return self.facts.claims.permission.overrides

    @cached_property
    def claims_relationship(self) -> bool:
        """Whether the user claims the relationship in this very request."""
        return self.facts.claims.relationship is RelationshipKind.SELF_CLAIMED

    # the patient

    @cached_property
    def numbers(self) -> frozenset[NhsNumber] | None:
        """The patient's numbers, current, asked for and superseded earlier; None while PDS has not answered."""
        patient = self.facts.patient
        if patient is None:
            return None
        return frozenset({patient.nhs_number, patient.requested or patient.nhs_number, *patient.former})

    @cached_property
    def registered(self) -> bool | None:
        """Whether the patient is fully registered at this very general practice (P-36); None while not known.

        A practice counts as one by any of its settings, whichever label the request uses.
        """
        organisation, practices = self.facts.organisation, self.settings.general_practice
        if organisation is None or all(setting.code not in practices for setting in organisation.settings):
            return False
        if self.facts.patient is None:
            return None
        return self.facts.patient.practice == organisation.ods

    # the relationship

    @cached_property
    def standing(self) -> Relationship | None:
        """A relationship on record that reaches this user; a self-claim on record stands for its own view only (P-01)."""
        return next((each for each in self.facts.relationships if self._reaches(each)), None)

    def _reaches(self, each: Relationship) -> bool:
        now = self.facts.now
        return (
            each.kind is not RelationshipKind.SELF_CLAIMED
            and self._here(each.organisation, each.patient)
            and each.start <= now < each.end
            and (each.ended is None or each.ended > now)
            and self._in_scope(each.scope, each.user, each.team)
        )

    @cached_property
    def self_claim(self) -> bool:
        """Whether a view would rest on a relationship claimed with this request.

        Registration needs no claim. A claim that the role may make is taken at its word, and so raises its alert, even
        where a relationship is on record; one the role may not make falls back on the record.
        """
        if self.registered:
            return False
        if self.claims_relationship and self.settings.activities.self_claim in self.activities:
            return True
        return self.standing is None and (self.claims_relationship or self.overrides)

    # the permission

    @cached_property
    def refusal(self) -> RecordedPermission | None:
        """The newest no on record here, unless a standing yes was recorded after it (P-03)."""
        answers = [each for each in self.facts.permissions if self._here(each.organisation, each.patient)]
        refusals = [each for each in answers if each.answer is PermissionAnswer.NO and each.start <= self.facts.now]
        last = max(refusals, key=lambda each: each.start, default=None)
        if last is None:
            return None
        later = any(
            each.answer is PermissionAnswer.YES and each.ended is None and last.start < each.start <= self.facts.now
            for each in answers
        )
        return None if later else last

    @cached_property
    def refused_lately(self) -> bool:
        """Whether that no was given within the time that closes emergency access (P-03)."""
        return self.refusal is not None and self.facts.now - self.refusal.start < self.settings.limits.refusal

    @cached_property
    def open_yes(self) -> tuple[RecordedPermission, ...]:
        """Every yes on record here that is neither used up, over nor withdrawn, whomever it is for."""
        now, limits = self.facts.now, self.settings.limits
        answers = [each for each in self.facts.permissions if self._here(each.organisation, each.patient)]
        closed = max((each.start for each in answers if each.answer is not PermissionAnswer.YES), default=None)
        return tuple(
            each
            for each in answers
            if each.answer is PermissionAnswer.YES
            and not each.consumed
            and each.start <= now < each.end
            and (each.ended is None or each.ended > now)
            and (closed is None or each.start > closed)
            and (each.kind is RecordedKind.EXTENDED or now - each.start <= limits.single_permission)
        )

    @cached_property
    def held(self) -> RecordedPermission | None:
        """The open yes that covers this user's view; a kept one first, so that one for a single view is not used up."""
        covering = (each for each in self.open_yes if self._covers(each))
        return max(covering, key=lambda each: (each.kind is RecordedKind.EXTENDED, each.start), default=None)

    def _covers(self, each: RecordedPermission) -> bool:
        organisation, role = self.facts.organisation, self.facts.role
        if organisation is None or role is None or not self._in_scope(each.scope, each.user, each.team):
            return False
        if each.scope is Scope.INDIVIDUAL and each.role != role.id:
            return False
        policy = organisation.permission
        in_time = each.kind is not RecordedKind.EXTENDED or (self.facts.now - each.start).days < policy.days
        return in_time and kept_by(policy, each.kind, each.scope)

    def may_view(self, role: Role) -> bool:
        """Whether this role is one in which records are viewed here."""
        here = self.facts.organisation is not None and role.organisation == self.facts.organisation.ods
        return here and self.settings.activities.view in self.settings.expand(role.activities)

    # whom something on record is for

    def _here(self, organisation: OdsCode, patient: NhsNumber) -> bool:
        """Of this organisation and, once the patient is known, of this patient."""
        if self.facts.organisation is None or organisation != self.facts.organisation.ods:
            return False
        return self.numbers is None or patient in self.numbers

    def _in_scope(self, scope: Scope, user: UserId | None, team: TeamId | None) -> bool:
        if self.facts.user is None or self.facts.role is None:
            return False
        if scope is Scope.INDIVIDUAL:
            return user == self.facts.user.id
        if scope is Scope.TEAM:
            return team in self.facts.role.teams
        return True
