"""Every door and page of this gateway, and at which address. A new calling system is one line in `routes`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from aiohttp import web

from gateway.adapters.adastra import AdastraDoor
from gateway.adapters.cleo import CleoDoor
from gateway.adapters.emis_web import PATHS as EMIS_WEB
from gateway.adapters.emis_web import EmisWebDoor
from gateway.adapters.mini_service import MiniServiceDoor
from gateway.adapters.mini_service_pds import EXCHANGES as PDS_EXCHANGES
from gateway.adapters.mini_service_scr import EXCHANGES as SCR_EXCHANGES
from gateway.adapters.records import EndRelationshipsDoor, PermissionsDoor, RelationshipsDoor
from gateway.adapters.symphony import PATH as FHIR
from gateway.adapters.symphony import AuditEventDoor, BundleDoor, DocumentReferenceDoor
from gateway.adapters.systmone import PATH as SYSTMONE
from gateway.adapters.systmone import SystmOneDoor
from gateway.browsing import Browsing, frame, organisation_routes, viewer_routes
from gateway.config import Settings
from gateway.domain.identifiers import NhsNumbers
from gateway.gate import Gate
from gateway.identity.systems import Listener
from gateway.launches import Launches, launch_routes
from gateway.listeners import Prover
from gateway.metrics import Metrics
from gateway.pages import fhir, policy, public
from gateway.pages.docs import DocsPages
from gateway.pages.privacy import Bench
from gateway.pages.privacy_routes import privacy_routes
from gateway.rates import Rates
from gateway.service.ports import Ids
from gateway.service.service import Service
from gateway.web import Web, correlation_of
from gateway.xml.catalogue import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What doors and pages are made from."""

    settings: Settings
    service: Service
    metrics: Metrics
    catalogue: Catalogue
    numbers: NhsNumbers
    ids: Ids
    clock: Callable[[], datetime]
    ready: public.Ready
    gate: Gate
    rates: Rates | None
    browsing: Browsing
    launches: Launches
    officers: Bench
    sandbox: bool
    """Whether this is the sandbox's composition: what only engineers may ask is routed there and nowhere else."""


def routes(house: House, prove: Prover) -> Iterable[web.RouteDef]:
    """All routes of one listener, whose requests prove their system by `prove`."""
    settings, numbers = house.settings, house.numbers
    doors = Web(
        service=house.service,
        prove=prove,
        metrics=house.metrics,
        gate=house.gate,
        rates=house.rates,
        clock=house.clock,
        answer_seconds=settings.spine.total_seconds,
        body_seconds=settings.limits.body_seconds,
    )
    mini_service = MiniServiceDoor(
        catalogue=house.catalogue,
        numbers=numbers,
        ids=house.ids,
        exchanges=SCR_EXCHANGES | PDS_EXCHANGES,
        provider=settings.operator_ods,
    )
    yield web.post("/itk", doors.door(mini_service))
    yield web.get("/itk", public.described_elsewhere("/itk/scr?wsdl", "/itk/pds?wsdl"), allow_head=False)
    for name in ("scr", "pds"):
        yield web.get(f"/itk/{name}", public.wsdl(name, f"{settings.public_url}/itk"))
    yield from _viewers(house, doors)
    yield web.post("/permissions", doors.door(PermissionsDoor(numbers)))
    yield web.post("/relationships", doors.door(RelationshipsDoor(numbers)))
    yield web.post("/relationships/end", doors.door(EndRelationshipsDoor(numbers)))
    yield from _fhir(house, doors, settings.url_at(tls=prove.listener is Listener.MUTUAL_TLS))
    yield from _pages(house, doors, prove)
    yield web.get("/errors", public.codes_page(house.browsing.layout))
    yield web.get("/errors/{code}", public.code_page(house.browsing.layout))
    yield web.get("/health/live", public.live)
    yield web.get("/health/ready", public.ready(house.ready))
    if house.sandbox:
        yield web.post("/policy/explain", policy.explained)


def _fhir(house: House, doors: Web, address: str) -> Iterable[web.RouteDef]:
    """The FHIR server at this address: Symphony's door and what it says about itself."""
    numbers, ids = house.numbers, house.ids
    documents = doors.door(DocumentReferenceDoor(numbers=numbers, ids=ids, address=address))
    records = doors.door(BundleDoor(numbers=numbers, ids=ids, address=address))
    alerts = doors.door(AuditEventDoor(numbers=numbers, ids=ids, address=address))
    about = fhir.FhirPages(address=address, told=doors.told, correlate=correlation_of)
    yield web.get(f"{FHIR}/metadata", about.metadata())
    for name, door in (("DocumentReference", documents), ("Bundle", records)):
        yield web.get(f"{FHIR}/{name}", door, allow_head=False)
        yield web.post(f"{FHIR}/{name}/_search", door)
    yield web.post(f"{FHIR}/AuditEvent", alerts)
    for path in (FHIR, f"{FHIR}/{{tail:.*}}"):
        yield web.route("*", path, about.elsewhere)
    described = DocsPages(house.browsing.layout, house.settings.public_url)
    yield web.get("/docs", described.show)
    yield web.get("/docs/openapi.json", described.openapi)
    yield web.get("/docs/postman.json", described.postman)


def _pages(house: House, doors: Web, prover: Prover) -> Iterable[web.RouteDef]:
    """The gateway's own pages."""
    framed = partial(
        frame,
        house.browsing,
        house.settings,
        prover,
        service=house.service,
        gate=house.gate,
        told=doors.told,
        clock=house.clock,
    )
    viewer = framed()
    yield from viewer_routes(viewer)
    yield from organisation_routes(house.browsing, viewer)
    yield from launch_routes(house.launches, doors, viewer)
    yield from privacy_routes(house.officers, framed(door="privacy", home="/privacy"))


def _viewers(house: House, doors: Web) -> Iterable[web.RouteDef]:
    """The integrated viewers, each with its description beside it."""
    viewers = (
        AdastraDoor(catalogue=house.catalogue, numbers=house.numbers, ids=house.ids),
        CleoDoor(catalogue=house.catalogue, numbers=house.numbers),
    )
    for viewer in viewers:
        path = f"/viewers/{viewer.name}"
        yield web.post(path, doors.door(viewer))
        yield web.get(
            path,
            public.wsdl(viewer.name, f"{house.settings.public_url}{path}", schema=f"{viewer.name}/{viewer.name}"),
            allow_head=False,
        )
    address = f"{house.settings.public_url}{EMIS_WEB[0]}"
    emis_web = doors.door(EmisWebDoor(catalogue=house.catalogue, numbers=house.numbers, ids=house.ids, address=address))
    described = public.wsdl("emis-web", address, schema="emis-web/messages")
    for path in EMIS_WEB:
        yield web.post(path, emis_web)
        yield web.get(path, described, allow_head=False)
    yield web.post(SYSTMONE, doors.door(SystmOneDoor(catalogue=house.catalogue, numbers=house.numbers)))
    yield web.get(
        SYSTMONE,
        public.wsdl("", f"{house.settings.public_url}{SYSTMONE}", schema="systmone/systmone"),
        allow_head=False,
    )
