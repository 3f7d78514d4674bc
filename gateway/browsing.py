"""The gateway's own pages and their addresses: the standalone viewer, and the shared steps of every page with a patient.

Puts parts together; what a page says and does is in gateway/pages.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from aiohttp import web

from gateway.config import Settings
from gateway.domain.decision import AuditEntry
from gateway.domain.identifiers import NhsNumbers, NumberRange, UserId
from gateway.domain.journal import Write
from gateway.listeners import Prover
from gateway.pages import finding, interest, organisations, permission, showing, sign_in
from gateway.pages.frame import Frame, Gate, Told, Turn
from gateway.pages.interest import Keep
from gateway.pages.layout import Layout
from gateway.pages.organisations import Trained
from gateway.pages.sessions import Cookie, Seal, Sessions
from gateway.pages.static_files import StaticFiles
from gateway.service.ports import Ids, PageRegistryPort, ShelfPort, SignInPort
from gateway.service.service import Service
from gateway.store.journal import Journal
from gateway.store.people import Interest, People, record_interest
from gateway.web import correlation_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Browsing:
    """What pages are made from, once for all listeners."""

    layout: Layout
    seal: Seal
    shelf: ShelfPort
    """Browser sessions, and sign-ins under way."""
    sign_in: SignInPort
    registry: PageRegistryPort
    trained: Trained
    keep_interest: Keep


def browsing(
    settings: Settings,
    *,
    shelf: ShelfPort,
    people: People,
    journal: Journal,
    ids: Ids,
    signing_in: SignInPort,
    registry: PageRegistryPort,
) -> Browsing:
    """The parts of all pages of this installation."""

    async def trained(users: Sequence[UserId]) -> Collection[UserId]:
        newest = {(record.user, record.module): record for record in await people.training_of(users)}  # oldest first
        return {user for (user, _), record in newest.items() if record.passed}

    async def keep_interest(kind: str, answers: Mapping[str, str], turn: Turn) -> str:
        form = Interest(id=ids.new(), kind=kind, received=turn.now, data=dict(answers))
        entry = AuditEntry(
            id=ids.new(),
            at=turn.now,
            event="interest",
            door="interest",
            correlation_id=turn.correlation_id.value,
            operation="expressInterest",
            outcome="kept",
        )
        await journal.commit(Write(entries=(entry,)), record_interest(form, turn.address))
        return form.id

    authorize = urlsplit(settings.identity.authorize_url or settings.identity.issuer)
    return Browsing(
        layout=Layout(
            static=StaticFiles.load(),
            sandbox=settings.nhs_number_range is NumberRange.SYNTHETIC,
            identity_origin=f"{authorize.scheme}://{authorize.netloc}",
        ),
        seal=Seal(secrets.token_bytes),
        shelf=shelf,
        sign_in=signing_in,
        registry=registry,
        trained=trained,
        keep_interest=keep_interest,
    )


def frame(
    parts: Browsing,
    settings: Settings,
    prover: Prover,
    *,
    service: Service,
    gate: Gate,
    told: Told,
    clock: Callable[[], datetime],
    door: str = "viewer",
    home: str = "/viewer",
) -> Frame:
    """The frame of one kind of page at one listener; each kind has sessions and a cookie of its own."""
    secure = urlsplit(settings.public_url).scheme == "https"
    return Frame(
        service=service,
        layout=parts.layout,
        sessions=Sessions(
            shelf=parts.shelf, seal=parts.seal, cookie=Cookie(name=f"scr-{door}", secure=secure), kind=door
        ),
        signing_in=Cookie(name=f"scr-{door}-sign-in", secure=secure),
        refused=Cookie(name=f"scr-{door}-refused", secure=secure),
        shelf=parts.shelf,
        seal=parts.seal,
        sign_in=parts.sign_in,
        registry=parts.registry,
        numbers=NhsNumbers(settings.nhs_number_range),
        locate=prover.browser,
        gate=gate,
        told=told,
        correlate=correlation_of,
        clock=clock,
        answer_seconds=settings.spine.total_seconds,
        body_seconds=settings.limits.body_seconds,
        public_url=settings.public_url,
        door=door,
        home=home,
    )


def organisation_routes(parts: Browsing, viewer: Frame) -> Iterable[web.RouteDef]:
    """Set-up of organisations, and the forms that ask for it."""
    page = viewer.page
    yield web.get("/organisations", page(organisations.organisations_page(parts.trained)), allow_head=False)
    yield web.get("/interest", page(interest.show, signed_in=False), allow_head=False)
    yield web.post("/interest", page(interest.receive(parts.keep_interest), signed_in=False, form=True))


def viewer_routes(viewer: Frame) -> Iterable[web.RouteDef]:
    """The standalone viewer, and the steps that launched pages share with it."""
    page = viewer.page
    yield web.get("/static/{path:.+}", viewer.layout.static.handler(), allow_head=False)
    yield web.get("/viewer", page(sign_in.start, signed_in=False), allow_head=False)
    yield web.get("/viewer/", page(sign_in.start, signed_in=False), allow_head=False)
    yield web.get("/viewer/sign-in", page(sign_in.begin("/viewer/callback"), signed_in=False), allow_head=False)
    yield web.get("/viewer/callback", page(sign_in.callback, signed_in=False, returning=True), allow_head=False)
    yield web.get("/viewer/refused", page(viewer.refused_page, signed_in=False), allow_head=False)
    for path, shown, answered in (
        ("/viewer/role", sign_in.role_page, sign_in.choose_role),
        ("/viewer/setting", sign_in.setting_page, sign_in.choose_setting),
        ("/viewer/find", finding.number_page, finding.find_by_number),
        ("/viewer/find/details", finding.details_page, finding.find_by_details),
        ("/viewer/patient", permission.patient_page, permission.answer_relationship),
    ):
        yield web.get(path, page(shown), allow_head=False)
        yield web.post(path, page(answered, form=True))
    yield web.get("/viewer/permission", page(permission.permission_page), allow_head=False)
    yield web.get("/viewer/without-permission", page(permission.override_page), allow_head=False)
    yield web.get("/viewer/record", page(showing.record_again), allow_head=False)
    yield web.post("/viewer/record", page(showing.show_record, form=True))
    yield web.post("/viewer/print", page(showing.print_record, form=True))
    yield web.post("/viewer/stay", page(sign_in.stay, form=True))
    yield web.post("/viewer/sign-out", page(sign_in.sign_out, form=True))
    for path, title, text in sign_in.ENDINGS:
        said = sign_in.told(title, text, link="/viewer", link_text="Go on")
        yield web.get(path, page(said, signed_in=False), allow_head=False)
