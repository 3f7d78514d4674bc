"""One-click launches: a host names user, role and patient in a proved token; here that becomes one opened browser, once.

LAUNCH is decided and audited, the token's id and the code are spent in the audit's own transaction, and who signs in must be
whom the launch names. Nothing is asked of Spine before that person is proved and could open a record at all.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from gateway.domain.access import Operation
from gateway.domain.codes import Code
from gateway.domain.decision import ConsentFacts, Facts
from gateway.domain.errors import AccessDenied
from gateway.domain.identifiers import NhsNumber, OdsCode, RoleProfileId, SystemId, UserId
from gateway.domain.instants import from_iso
from gateway.domain.journal import Spend, SpendKind, Write
from gateway.domain.permission import AccessClaims, PermissionClaim
from gateway.domain.spine import Consent
from gateway.service.activity import HIDDEN
from gateway.service.calls import Call, Context
from gateway.service.entries import EntryMaker
from gateway.service.identify import Caller, choose_role
from gateway.service.outcomes import Launched, Traced
from gateway.service.parts import Parts
from gateway.service.ports import ShelfPort
from gateway.service.successors import patient_facts
from gateway.service.tracing import traced

CODE_LASTS = timedelta(seconds=60)
"""Life of a launch code."""
ARRIVAL_LASTS = timedelta(minutes=10)
"""How long a browser that brought a code may take to sign in."""
REMEMBERED = timedelta(minutes=10)
"""How long a code is known after its end, so that its user is told what happened to it."""
LATER = frozenset({Code.RELATIONSHIP_MISSING, Code.PERMISSION_MISSING, Code.PERMISSION_REFUSED, Code.PERMISSION_SCOPE})
"""What the steps after arriving are there to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchClaims:
    """What a verified launch says. The system is proved; user and role are the host's word until somebody signs in."""

    system: SystemId
    organisation: OdsCode
    user: UserId
    role: RoleProfileId | None
    patient: NhsNumber
    purpose: str | None = None
    birth_date: str | None = field(default=None, repr=False)
    """YYYY-MM-DD as the host has it, to be compared with PDS."""
    token_id: str
    """jti, single use."""
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchCall(Call):
    """A host asks for a launch."""

    launch: LaunchClaims

    @property
    def patient(self) -> NhsNumber:
        """Whom the launch is about."""
        return self.launch.patient

    @property
    def operation(self) -> Operation:
        return Operation.LAUNCH


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalCall(Call):
    """The user of a launch has signed in: who is the patient?"""

    launch: LaunchClaims

    @property
    def patient(self) -> NhsNumber:
        """Whom the launch is about."""
        return self.launch.patient

    @property
    def operation(self) -> Operation:
        return Operation.VIEW

    @property
    def told(self) -> tuple[tuple[str, object], ...]:
        """Whom the launch named: where somebody else signs in, the entry tells both."""
        role = self.launch.role
        return (("launch_user", self.launch.user.value), ("launch_role", role.value if role else None))


class SealPort(Protocol):
    """Makes secrets and keeps data readable to their holder alone."""

    def secret(self) -> str:
        """A new secret of 256 bits."""

    def close(self, secret: str, data: dict[str, Any]) -> dict[str, Any]:
        """JSON -> a JSON object that says nothing."""

    def open(self, secret: str, data: dict[str, Any]) -> dict[str, Any]:
        """The reverse. Raises AccessDenied."""


def launch_call(launch: LaunchClaims, action: str = "launch") -> LaunchCall:
    """The call of a launch; its purpose is claimed like that of any message."""
    return LaunchCall(action=action, launch=launch, claims=AccessClaims(purpose=launch.purpose))


def spent_key(system: SystemId, name: str) -> str:
    """Keyed by system, so that systems cannot collide; hashed, so that the table holds no code."""
    return f"{system.value}:{hashlib.sha256(name.encode()).hexdigest()}"


class Launching:
    """The use cases of a launch: asked for by a host, opened by a browser, arrived at by a signed-in user."""

    def __init__(self, parts: Parts, *, shelf: ShelfPort, seal: SealPort) -> None:
        self._parts, self._shelf, self._seal = parts, shelf, seal

    async def launch(self, call: LaunchCall, context: Context, caller: Caller) -> Launched:
        """A code for a proved launch, good for one browser within 60 s.

        Raises AccessDenied (user or role, LAUNCH_SPENT), PolicyRefused, MessageInvalid, NotPossibleNow.
        """
        launch = await self._with_role(call.launch, context)
        maker = self._maker(replace(call, launch=launch), context, caller)
        state = await self._parts.state_of(caller, context, (launch.patient,))
        facts = self._parts.facts(call, context, caller, state)
        spend = Spend(
            kind=SpendKind.LAUNCH,
            key=spent_key(launch.system, launch.token_id),
            expires=launch.expires + timedelta(minutes=1),
        )
        decision = await self._parts.allowed(facts, maker, (spend,))
        entry = maker.decided("launch", "issued", decision, facts)
        await self._parts.journal.commit(Write(entries=(entry,), spend=(spend,)))
        code, expires = self._seal.secret(), context.now + CODE_LASTS
        await self._keep(code, "issued", launch, context.now, expires)
        return Launched(code=code, expires=expires)

    async def _with_role(self, launch: LaunchClaims, context: Context) -> LaunchClaims:
        """The launch with the one role it is for, as the directory has it. Raises AccessDenied, NotPossibleNow."""
        if launch.organisation != context.system.organisation:
            raise AccessDenied(Code.ROLE_ORGANISATION, rules=("P-14",))
        user = await self._parts.directory.user(launch.user)
        if user is None:
            raise AccessDenied(Code.USER_UNKNOWN, rules=("P-07",))
        role = choose_role(user, launch.organisation, launch.role)
        if role.organisation != launch.organisation:
            raise AccessDenied(Code.ROLE_ORGANISATION, rules=("P-14",))
        return replace(launch, role=role.id)

    def _maker(self, call: LaunchCall, context: Context, caller: Caller) -> EntryMaker:
        """Entries name the launch's user, marked as claimed, since nobody has signed in yet."""
        launch = call.launch
        maker = EntryMaker.of(call, context, replace(caller, vouched=launch.user), launch.patient, self._parts.ids)
        return replace(maker, base=replace(maker.base, role=launch.role.value if launch.role else None))

    async def _keep(self, secret: str, state: str, launch: LaunchClaims, now: datetime, expires: datetime) -> None:
        data = {**_to_json(launch), "until": expires.isoformat()}
        await self._shelf.put(
            secret, state=state, data=self._seal.close(secret, data), now=now, expires=expires + REMEMBERED
        )

    async def issued(self, code: str, now: datetime) -> LaunchClaims:
        """The launch behind a code, which is not spent by looking. Raises AccessDenied (LAUNCH_INVALID, _EXPIRED), NotPossibleNow."""
        return await self._kept(code, "issued", now)

    async def _kept(self, secret: str, state: str, now: datetime) -> LaunchClaims:
        kept = await self._shelf.get(secret, now=now)
        if kept is None or kept.state != state:
            raise AccessDenied(Code.LAUNCH_INVALID, rules=("P-07",))
        data = self._seal.open(secret, kept.data)
        if now >= from_iso(data["until"]):
            raise AccessDenied(Code.LAUNCH_EXPIRED, rules=("P-07",))
        return _from_json(data)

    async def open(self, code: str, context: Context, caller: Caller) -> str:
        """Spends a code: the secret of the one browser that brought it first. Raises AccessDenied (LAUNCH_…), NotPossibleNow."""
        launch = await self.issued(code, context.now)
        entry = self._maker(launch_call(launch), context, caller).entry("launch", "opened", context.now)
        spend = Spend(
            kind=SpendKind.LAUNCH,
            key=spent_key(launch.system, "code " + code),
            expires=context.now + CODE_LASTS + REMEMBERED,
        )
        await self._parts.journal.commit(Write(entries=(entry,), spend=(spend,)))
        secret = self._seal.secret()
        await self._keep(secret, "opened", launch, context.now, context.now + ARRIVAL_LASTS)
        return secret

    async def opened(self, secret: str, now: datetime) -> LaunchClaims:
        """The launch a browser brought. Raises AccessDenied (LAUNCH_INVALID, LAUNCH_EXPIRED), NotPossibleNow."""
        return await self._kept(secret, "opened", now)

    async def close(self, secret: str) -> None:
        """Ends an arrival, whatever became of it. Raises NotPossibleNow."""
        await self._shelf.drop(secret)

    async def arrive(self, call: ArrivalCall, context: Context, caller: Caller) -> Traced:
        """The patient of a launch, for the user who signed in: nobody else, in the launch's own role.

        Raises AccessDenied (USER_MISMATCH, ROLE_NOT_HELD), PolicyRefused where no answer could open a record or the date of
        birth is not the patient's, NoRecord, SpineUnavailable, NotPossibleNow.
        """
        launch = call.launch
        if caller.user is None or caller.user.id != launch.user:
            raise AccessDenied(Code.USER_MISMATCH, rules=("P-07",))
        if caller.role is None or caller.role.id != launch.role:
            raise AccessDenied(Code.ROLE_NOT_HELD, rules=("P-09",))
        maker = EntryMaker.of(call, context, caller, launch.patient, self._parts.ids)
        state = await self._parts.state_of(caller, context, (launch.patient,))
        facts = self._parts.facts(call, context, caller, state)
        await self._check(facts, launch, maker, frozenset(Code) - LATER)
        found = await self._traced(maker, facts, context)
        final = {Code.BIRTH_DATE_MISMATCH}
        if found.patient.confidentiality in HIDDEN:
            final.add(Code.SCR_NOT_AVAILABLE)  # not even a name may be shown: the view would end so
        # what Spine's consent is, is asked with the view; here the date of birth is judged as where it lets the record be shown
        known = replace(facts, patient=patient_facts(found.patient), consent=ConsentFacts(consent=Consent.ASK))
        await self._check(known, launch, maker, frozenset(final))
        return found

    async def _traced(self, maker: EntryMaker, facts: Facts, context: Context) -> Traced:
        """PDS, between two entries. Raises NoRecord, SpineUnavailable, NotPossibleNow."""
        decision = self._parts.decide(replace(facts, operation=Operation.TRACE))
        asked = maker.decided("asked", "asked", decision, facts)
        await self._parts.journal.commit(Write(entries=(asked,)))
        number = maker.base.patient
        assert number is not None
        return await traced(self._parts, maker, context, lambda spine: self._parts.spine.demographics(number, spine))

    async def _check(self, facts: Facts, launch: LaunchClaims, maker: EntryMaker, final: frozenset[Code]) -> None:
        """Refuses where a `final` reason stands whatever the user will answer. Raises PolicyRefused, its entry durable."""
        claims = replace(
            facts.claims, permission=PermissionClaim.YES, confirm_deceased=True, birth_date=launch.birth_date
        )
        decision = self._parts.decide(replace(facts, claims=claims))
        reasons = tuple(reason for reason in decision.reasons if reason.code in final)
        if not reasons:
            return
        await self._parts.refuse(replace(decision, reasons=reasons, alert=None), facts, maker)


def _to_json(launch: LaunchClaims) -> dict[str, Any]:
    return {
        "system": launch.system.value,
        "organisation": launch.organisation.value,
        "user": launch.user.value,
        "role": launch.role.value if launch.role else None,
        "patient": launch.patient.value,
        "purpose": launch.purpose,
        "birth_date": launch.birth_date,
        "token_id": launch.token_id,
        "expires": launch.expires.isoformat(),
    }


def _from_json(data: dict[str, Any]) -> LaunchClaims:
    return LaunchClaims(
        system=SystemId(data["system"]),
        organisation=OdsCode(data["organisation"]),
        user=UserId(data["user"]),
        role=RoleProfileId(data["role"]) if data["role"] else None,
        patient=NhsNumber(data["patient"]),
        purpose=data["purpose"],
        birth_date=data["birth_date"],
        token_id=data["token_id"],
        expires=from_iso(data["expires"]),
    )
