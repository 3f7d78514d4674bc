"""A gateway in this process whose outside can be told to fail, and the mini-service stub that calls it by zeep."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from lxml import etree

from gateway.adapters.mini_service import MiniServiceDoor
from gateway.adapters.mini_service_payload import Exchange
from gateway.adapters.mini_service_pds import EXCHANGES as PDS
from gateway.adapters.mini_service_scr import EXCHANGES as SCR
from gateway.domain.access import SystemKind, User
from gateway.domain.identifiers import NhsNumber, UserId
from gateway.domain.spine import EventDocument, SpineCall
from gateway.gate import Gate
from gateway.metrics import Metrics
from gateway.pages import public
from gateway.service.service import Service
from gateway.web import Proved, Web
from tests.doors.mini_service.offline import CATALOGUE, NUMBERS, Counting
from tests.policy import cases
from tests.service.world import World
from vendor_stubs import cast
from vendor_stubs.calling.http import Calls, open_wire

SYSTEM = cases.system(kind=SystemKind.MINI_SERVICE, product="mini-service", operations=frozenset(SCR | PDS))
SUMMARY = '<GPSummary xmlns="urn:hl7-org:v3" classCode="COMPOSITION" moodCode="EVN"><id root="{}"/>{}</GPSummary>'
PATIENT_OF = '<recordTarget><patient><id root="2.16.840.1.113883.2.1.4.1" extension="{}"/></patient></recordTarget>'
DOCUMENT = "0A7C1234-1F35-11EB-AB84-000C29A364EB"


@dataclass
class Scripted(World):
    """The world with a user whose activities can be taken away, and a document to show."""

    activities: tuple[str, ...] = ()
    """Empty: all."""
    token_given: str = "good"
    exchanges: dict[str, Exchange] = field(default_factory=lambda: SCR | PDS)

    async def user(self, uid: UserId) -> User | None:
        """DirectoryPort."""
        if error := self.failures.get("directory"):
            raise error
        return User(id=uid, name="TEST User", roles=(cases.role(*self.activities),))

    async def event(self, number: NhsNumber, event_id: str, call: SpineCall) -> EventDocument | None:
        """SpinePort."""
        found = await super().event(number, event_id, call)
        summary = etree.fromstring(SUMMARY.format(DOCUMENT, PATIENT_OF.format(number.value)))
        return replace(found, summary=summary) if found is not None else None


def application(world: Scripted) -> web.Application:
    """The door, its descriptions, and an identity service that proves anybody."""
    metrics = Metrics()
    doors = Web(
        service=Service(world.parts()),
        prove=lambda _: Proved(system=SYSTEM, network="test", network_allowed=True),
        metrics=metrics,
        gate=Gate(places=4, waiting=4, metrics=metrics),
        rates=None,
        clock=lambda: cases.NOW,
        answer_seconds=5,
        body_seconds=5,
    )
    door = MiniServiceDoor(
        catalogue=CATALOGUE, numbers=NUMBERS, ids=Counting(), exchanges=world.exchanges, provider="YZZ99"
    )

    async def token(_: web.Request) -> web.Response:
        return web.json_response({"id_token": world.token_given})

    app = web.Application()
    app.router.add_post("/itk", doors.door(door))
    for name in ("scr", "pds"):
        app.router.add_get(f"/itk/{name}", public.wsdl(name, "http://127.0.0.1/itk"))
    app.router.add_post("/sandbox/token", token)
    return app


@asynccontextmanager
async def calling(world: Scripted, new_id: Callable[[], str] | None = None) -> AsyncIterator[Calls]:
    """The stub's surroundings, its clock the world's."""
    ids = (f"E0000000-0000-4000-8000-{number:012X}" for number in itertools.count(1))
    system: Any = replace(
        cast.default_system("mini-service"),
        id=SYSTEM.id.value,
        username=SYSTEM.username,
        client_id=SYSTEM.client_id,
        organisation=cases.ODS.value,
    )
    async with TestServer(application(world)) as server, open_wire() as wire:
        address = str(server.make_url("")).rstrip("/")
        yield Calls(
            wire=wire,
            system=system,
            gateway=address,
            identity=address,
            now=lambda: cases.NOW,
            new_id=new_id or (lambda: next(ids)),
            tell=lambda _: None,
        )
