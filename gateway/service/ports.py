"""What the service needs of the outside, as protocols; the composition root gives it the real ones, tests give it their own."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from gateway.domain.access import Organisation, ProvedUser, System, User
from gateway.domain.decision import AuditEntry
from gateway.domain.identifiers import NhsNumber, OdsCode, SystemId, UserId
from gateway.domain.journal import Committed, ViewState, Write
from gateway.domain.record import SummaryRecord
from gateway.domain.spine import Demographics, EventDocument, EventList, SpineCall, Traits


class SpinePort(Protocol):
    """Spine: demographics and the clinical store. Raises SpineUnavailable, WrongPatient, NoRecord, PolicyRefused."""

    async def demographics(self, number: NhsNumber, call: SpineCall) -> Demographics:
        """PDS retrieval by number. Raises NoRecord where PDS knows no such person."""

    async def search(self, traits: Traits, call: SpineCall) -> Demographics:
        """PDS trace by details: exactly one match, else NoRecord."""

    async def event_list(self, number: NhsNumber, call: SpineCall) -> EventList:
        """PSIS event list; refused access is consent No, nothing found an empty list."""

    async def event(self, number: NhsNumber, event_id: str, call: SpineCall) -> EventDocument | None:
        """PSIS event; None where that id is no longer there. Raises PolicyRefused where access was refused since."""


class DirectoryPort(Protocol):
    """The directory of users and roles."""

    async def user(self, uid: UserId) -> User | None:
        """The user with all roles, None where unknown. Raises NotPossibleNow."""


class ProofPort(Protocol):
    """Proof of users by the identity service."""

    async def token(self, token: str, *, audience: str, now: datetime) -> ProvedUser:
        """Verifies an ID token made for `audience`. Raises AccessDenied."""

    async def assertion(self, assertion: Any, *, now: datetime) -> ProvedUser:
        """Verifies a SAML assertion element made for this gateway. Raises AccessDenied."""


class RegistryPort(Protocol):
    """The registry as loaded now."""

    def organisation(self, ods: OdsCode) -> Organisation | None:
        """The organisation, or None."""


class JournalPort(Protocol):
    """The one way to make anything durable."""

    async def commit(self, write: Write) -> Committed:
        """Returns once the write is on disk. Raises NotPossibleNow; MessageInvalid / AccessDenied for something already
        spent; PolicyRefused where a permission for one view is no longer open."""


class StatePort(Protocol):
    """Reads of what the store holds."""

    async def view_state(
        self,
        *,
        patients: tuple[NhsNumber, ...],
        organisation: OdsCode,
        user: UserId | None,
        officers: tuple[UserId, ...],
        now: datetime,
    ) -> ViewState:
        """What a decision needs to know, in one round trip. Raises NotPossibleNow."""

    async def activity(
        self,
        *,
        organisation: OdsCode,
        start: datetime,
        end: datetime,
        patient: NhsNumber | None,
        user: UserId | None,
        limit: int,
    ) -> tuple[int, tuple[AuditEntry, ...]]:
        """(found, the first `limit` accesses oldest first) in [start, end). Raises NotPossibleNow."""


SummaryReader = Callable[[EventDocument], SummaryRecord]
"""Reads the whole document; raises SpineUnavailable where it is no summary."""

ActiveContent = Callable[[EventDocument], bool]
"""Whether the document carries active content (I8)."""


class Ids(Protocol):
    """Source of new identifiers."""

    def new(self) -> str:
        """A new UUID in upper case, never given before."""


class KeptPort(Protocol):
    """One browser session or launch as it stands in the store."""

    @property
    def state(self) -> str:
        """The owner's own word for where it is."""

    @property
    def version(self) -> int:
        """Counts changes."""

    @property
    def data(self) -> dict[str, Any]:
        """The owner's JSON."""

    @property
    def created(self) -> datetime:
        """Since when."""

    @property
    def expires(self) -> datetime:
        """Until when."""


class ShelfPort(Protocol):
    """Short-lived state by a secret id, shared by every process. Raises NotPossibleNow where the store does not answer."""

    async def put(self, secret: str, *, state: str, data: dict[str, Any], now: datetime, expires: datetime) -> None:
        """Keeps a new one."""

    async def get(self, secret: str, *, now: datetime) -> KeptPort | None:
        """As it stands; None where unknown or expired."""

    async def change(
        self,
        secret: str,
        *,
        version: int,
        state: str,
        data: dict[str, Any],
        now: datetime,
        expires: datetime | None = None,
    ) -> bool:
        """Replaces it if nobody changed it since `version`; whether it did."""

    async def drop(self, secret: str) -> None:
        """Ends it."""


class SignInPort(Protocol):
    """Sign-in of a browser at the identity service: authorization code flow with PKCE S256 (RFC 7636)."""

    def address(
        self, *, client_id: str, redirect_uri: str, state: str, nonce: str, verifier: str, prompt: str | None
    ) -> str:
        """Where the browser goes to sign in."""

    async def finish(
        self, *, code: str, client_id: str, redirect_uri: str, nonce: str, verifier: str, now: datetime
    ) -> tuple[ProvedUser, User]:
        """The code spent: who signed in, with their roles. Raises AccessDenied, NotPossibleNow."""


class PageRegistryPort(RegistryPort, Protocol):
    """What pages look up in the registry."""

    def system(self, system_id: SystemId) -> System | None:
        """A calling system, or None."""

    def standalone(self) -> System | None:
        """The standalone viewer, or None where none is registered."""

    def organisations(self) -> tuple[Organisation, ...]:
        """Every organisation, in the registry's order."""
