"""The service's outside as one world that remembers the order of everything that happened; any step of it can be made to fail."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from gateway.domain.access import Organisation, ProvedUser, User
from gateway.domain.codes import Code
from gateway.domain.decision import AuditEntry
from gateway.domain.errors import AccessDenied
from gateway.domain.identifiers import CorrelationId, NhsNumber, OdsCode, UserId
from gateway.domain.instants import WireTime
from gateway.domain.journal import Committed, ViewState, Write
from gateway.domain.record import Agent, Coding, Section, SummaryRecord, Text
from gateway.domain.spine import (
    Confidentiality,
    Consent,
    Demographics,
    Event,
    EventDocument,
    EventList,
    SpineCall,
    Traits,
)
from gateway.policy import decide
from gateway.policy.answer import held
from gateway.service.calls import Context, Credentials, ViewCall
from gateway.service.identify import Identify
from gateway.service.parts import Parts
from gateway.service.rejections import Rejections
from tests.policy import cases

CORRELATION = CorrelationId("0A7C1234-1F35-11EB-AB84-000C29A364EB")


@dataclass
class World:
    """Every port at once. `log` holds (kind, detail) in order; `failures` maps a step to what it raises."""

    log: list[tuple[str, Any]] = field(default_factory=list)
    failures: dict[str, Exception] = field(default_factory=dict)
    state: ViewState = field(
        default_factory=lambda: ViewState(
            permissions=(),
            relationships=(cases.relationship(),),
            recent_notes=(),
            override_count_24h=0,
            trained=True,
            privacy_officers_trained=1,
        )
    )
    demographics_of: dict[str, Any] = field(default_factory=dict)
    consent: Consent = Consent.ASK
    events: list[tuple[str, ...]] = field(default_factory=lambda: [("EVENT-1",)])
    gone: set[str] = field(default_factory=set)
    active: bool = False
    numbers: Any = field(default_factory=count)

    def _step(self, kind: str, detail: Any = None) -> None:
        self.log.append((kind, detail))
        if kind in self.failures:
            raise self.failures[kind]

    def kinds(self) -> list[str]:
        """What happened, in order."""
        return [kind for kind, _ in self.log]

    @property
    def writes(self) -> list[Write]:
        """What was made durable."""
        return [detail for kind, detail in self.log if kind == "commit"]

    @property
    def entries(self) -> list[AuditEntry]:
        """The audit."""
        return [entry for write in self.writes for entry in write.entries]

    # the ports

    async def commit(self, write: Write) -> Committed:
        """JournalPort: what fails is not remembered as committed."""
        events = {entry.event for entry in write.entries}
        for event in sorted(events):
            if f"commit:{event}" in self.failures:
                raise self.failures[f"commit:{event}"]
        self._step("commit", write)
        return Committed()

    async def view_state(self, **_: Any) -> ViewState:
        """StatePort."""
        return self.state

    async def activity(self, **_: Any) -> tuple[int, tuple[AuditEntry, ...]]:
        """StatePort."""
        return 0, ()

    async def demographics(self, number: NhsNumber, call: SpineCall) -> Demographics:
        """SpinePort."""
        self._step("pds", number)
        values: dict[str, Any] = {
            "nhs_number": number,
            "requested": None,
            "family": "Canary",
            "given": ("Patient",),
            "prefix": None,
            "birth": WireTime("19800229"),
            "gender": "2",
            "deceased": None,
            "practice": OdsCode("AZZ99"),
            "confidentiality": Confidentiality.UNRESTRICTED,
        }
        return Demographics(**(values | self.demographics_of))

    async def search(self, traits: Traits, call: SpineCall) -> Demographics:
        """SpinePort."""
        return await self.demographics(cases.PATIENT, call)

    async def event_list(self, number: NhsNumber, call: SpineCall) -> EventList:
        """SpinePort."""
        self._step("list", number)
        listed = self.events.pop(0) if len(self.events) > 1 else self.events[0]
        found = tuple(Event(id=one, persisted=None, status="1", type="196981000000101") for one in listed)
        return EventList(nhs_number=number, consent=self.consent, events=found)

    async def event(self, number: NhsNumber, event_id: str, call: SpineCall) -> EventDocument | None:
        """SpinePort."""
        self._step("event", event_id)
        if event_id in self.gone:
            return None
        return EventDocument(nhs_number=number, event_id=event_id, document_id="DOCUMENT-1", summary="summary")

    async def user(self, uid: UserId) -> User | None:
        """DirectoryPort."""
        return User(id=uid, name="TEST User", roles=(cases.role(),))

    async def token(self, token: str, **_: Any) -> ProvedUser:
        """ProofPort."""
        if token != "good":
            raise AccessDenied(Code.CREDENTIALS_INVALID)
        return cases.proof()

    async def assertion(self, assertion: Any, **_: Any) -> ProvedUser:
        """ProofPort."""
        return cases.proof(single_use_id="assertion-1")

    def organisation(self, ods: OdsCode) -> Organisation | None:
        """RegistryPort."""
        return cases.organisation() if ods == cases.ODS else None

    def new(self) -> str:
        """Ids."""
        return f"00000000-0000-0000-0000-{next(self.numbers):012}"

    def written(self, viewed: Any) -> bytes:
        """The door's writer."""
        self._step("write", viewed)
        return b"answer"

    def parts(self) -> Parts:
        """The service's parts, all of this world."""
        return Parts(
            identify=Identify(registry=self, proofs=self, directory=self),
            directory=self,
            spine=self,
            journal=self,
            rejections=Rejections(journal=self, ids=self),
            state=self,
            decide=lambda facts: decide(facts, cases.SETTINGS),
            held=lambda facts: held(facts, cases.SETTINGS),
            read_summary=record,
            active_content=lambda _: self.active,
            ids=self,
            clock=lambda: cases.NOW + timedelta(seconds=1),
        )


def record(document: EventDocument) -> SummaryRecord:
    """A small record."""
    return SummaryRecord(
        nhs_number=document.nhs_number,
        event_id=document.event_id,
        document_id=document.document_id,
        type=Coding("196981000000101", "2.16.840.1.113883.2.1.3.2.4.15"),
        created=WireTime("20260301101500"),
        author=Agent(form="AgentOrgSDS"),
        author_time=None,
        author_name="Practice",
        practice="Practice",
        statements=(),
        additional_information=False,
        sections=(Section("Title", "General Practice Summary", (Text("words"),)),),
        coded=(),
        replaces=None,
    )


def context(**changes: Any) -> Context:
    """A request that came in now."""
    values: dict[str, Any] = {
        "door": "test",
        "system": cases.system(),
        "network": "127.0.0.0/8",
        "system_proved": True,
        "network_allowed": True,
        "correlation_id": CORRELATION,
        "now": cases.NOW,
        "deadline": asyncio.get_running_loop().time() + 5,
    }
    return Context(**(values | changes))


def view_call(permission: str = "yes", **changes: Any) -> ViewCall:
    """A view with everything in order."""
    values: dict[str, Any] = {
        "action": "view",
        "patient": cases.PATIENT,
        "rendered": True,
        "credentials": Credentials(token="good"),
        "claims": cases.claims(permission),
    }
    return ViewCall(**(values | changes))
