"""The Spine stub's HTTP side: message endpoints, directory, alerts, and how it is started.

Loud about being a stub. The endpoints are the ones a real Spine has; everything under /control is the sandbox's own.
"""

import asyncio
import sys

from aiohttp import web

from vendor_stubs import cast
from vendor_stubs.spine import control, directory, names, pds
from vendor_stubs.spine.alerts import FHIR, AlertRefused, outcome, read_alert
from vendor_stubs.spine.answers import Answers, Stamp, not_fulfilled
from vendor_stubs.spine.cutting import Cuts
from vendor_stubs.spine.documents import Documents
from vendor_stubs.spine.envelope import MAX_REQUEST_BYTES, Message, control_act_of, read_message
from vendor_stubs.spine.misbehaviour import XML, Trouble, answer_event, fault_response
from vendor_stubs.spine.outcomes import NOT_PROCESSABLE, NotFulfilled, SpineFault, duplicate_message
from vendor_stubs.spine.psis import Store
from vendor_stubs.spine.queries import read_event, read_event_list, read_retrieval, read_set_permission, read_trace
from vendor_stubs.spine.settings import LONDON, SpineSettings
from vendor_stubs.spine.state import Received, State
from vendor_stubs.xml import Element


class SpineStub:
    """One running stub: its settings, memory and store, and a method for each endpoint."""

    def __init__(self, settings: SpineSettings) -> None:
        self.settings = settings
        self.state = State()
        self.answers = Answers()
        self.store = Store(documents=Documents(), answers=self.answers, state=self.state, subjects=Cuts())

    async def sync_service(self, request: web.Request) -> web.StreamResponse:
        """POST /sync-service: every interaction."""
        return await self._soap(request, names.EVENT_LIST + names.EVENT + names.SET_PERMISSIONS + _PDS)

    async def pds_service(self, request: web.Request) -> web.StreamResponse:
        """POST /pds: retrieval and trace."""
        return await self._soap(request, _PDS)

    async def _soap(self, request: web.Request, allowed: tuple[str, ...]) -> web.StreamResponse:
        body = await request.read()
        await self._delay()
        note = _Note()
        try:
            message = self._heard(request, body, allowed, note)
            response = await self._answer(request, message, note)
        except SpineFault as fault:
            note.outcome = f"fault {fault.code}"
            response = fault_response(fault)
        self._record(request, note, response.status)
        return response

    def _heard(self, request: web.Request, body: bytes, allowed: tuple[str, ...], note: "_Note") -> Message:
        if self.state.owes_error():
            raise SpineFault(self.state.control.fault_code, "The stub was told to fail")
        message = read_message(
            body,
            soap_action=request.headers.get("SOAPAction", ""),
            content_type=request.headers.get("Content-Type", ""),
            header_asid=request.headers.get("nhsd-asid", ""),
            own_asid=self.settings.own_asid,
        )
        note.heard(message)
        if message.interaction.name not in allowed:
            raise SpineFault(NOT_PROCESSABLE, "The interaction is not served at this address")
        return message

    async def _answer(self, request: web.Request, message: Message, note: "_Note") -> web.StreamResponse:
        stamp = self._stamp()
        try:
            control_act = self._checked(message)
            if message.interaction.name in names.EVENT:
                return await self._event(request, message, control_act, stamp, note)
            return web.Response(body=self._business(message, control_act, stamp, note), headers=XML)
        except NotFulfilled as refused:
            note.outcome = "AE " + "/".join(issue.code for issue in refused.issues)
            return web.Response(body=not_fulfilled(message, stamp, refused.issues), headers=XML)

    def _checked(self, message: Message) -> Element:
        control_act = control_act_of(message, self.settings.own_asid)
        if not self.state.is_new(message.message_id):
            raise duplicate_message()
        return control_act

    def _business(self, message: Message, control_act: Element, stamp: Stamp, note: "_Note") -> bytes:
        """The answer's bytes for every interaction but the event query."""
        name = message.interaction.name
        if name in names.EVENT_LIST:
            note.nhs = read_event_list(control_act)
            return self.store.event_list(message, stamp, note.nhs)
        if name in names.RETRIEVAL:
            note.nhs = read_retrieval(control_act)
            return self.answers.fulfilled(message, stamp, pds.retrieve(note.nhs))
        if name in names.TRACE:
            return self.answers.fulfilled(message, stamp, pds.trace(read_trace(control_act)))
        change = read_set_permission(control_act)
        note.nhs = change.nhs
        self.state.set_permission(change.nhs, change.permission)
        return self.answers.acknowledged(message, stamp)

    async def _event(
        self, request: web.Request, message: Message, control_act: Element, stamp: Stamp, note: "_Note"
    ) -> web.StreamResponse:
        note.nhs, event_id = read_event(control_act)
        answer = self.store.event(message, stamp, note.nhs, event_id)
        patient = cast.patient(note.nhs)
        trouble = Trouble(
            request=request,
            answer=answer,
            nhs=note.nhs,
            state=self.state,
            slow_seconds=self.settings.slow_seconds,
            hang_seconds=self.settings.hang_seconds,
        )
        return await answer_event(patient.case if patient else "", trouble)

    async def alert(self, request: web.Request) -> web.Response:
        """POST /clinical/alert: a FHIR AuditEvent, taken once by its id."""
        await self._delay()
        note = _Note(interaction="AuditEvent", sender=request.headers.get("nhsd-asid", ""))
        if self.state.owes_error():
            note.outcome = "told to fail"
            failed = outcome("UNKNOWN_ERROR", "The stub was told to fail")
            response = web.json_response(failed, status=500, content_type=FHIR)
        else:
            response = self._keep_alert(request, await request.read(), note)
        self._record(request, note, response.status)
        return response

    def _keep_alert(self, request: web.Request, body: bytes, note: "_Note") -> web.Response:
        try:
            note.message_id, alert = read_alert(body, content_type=request.content_type, asid=note.sender)
        except AlertRefused as refused:
            note.outcome = f"refused: {refused}"
            return web.json_response(outcome("INVALID_VALUE", str(refused)), status=400, content_type=FHIR)
        note.outcome = "kept" if self.state.keep_alert(note.message_id, alert) else "had already"
        return web.Response(status=201)

    async def directory_user(self, request: web.Request) -> web.Response:
        """GET /directory/users/{uid}: who a user is."""
        await self._delay()
        document = directory.user_document(request.match_info["uid"])
        response = web.json_response(document) if document else web.json_response({"error": "not found"}, status=404)
        self._record(request, _Note(interaction="directory user"), response.status)
        return response

    async def directory_role(self, request: web.Request) -> web.Response:
        """GET /directory/PractitionerRole?user-role-id=system|URPID: what role that is."""
        await self._delay()
        found = directory.practitioner_roles(request.query.get("user-role-id", ""))
        if found is None:
            answer = outcome("INVALID_VALUE", "user-role-id is not system|value")
            response = web.json_response(answer, status=400, content_type=FHIR)
        else:
            response = web.json_response(found, content_type=FHIR)
        self._record(request, _Note(interaction="directory role"), response.status)
        return response

    async def _delay(self) -> None:
        if self.state.control.latency_ms:
            await asyncio.sleep(self.state.control.latency_ms / 1000)

    def _stamp(self) -> Stamp:
        now = self.settings.clock().astimezone(LONDON)
        return Stamp(message_id=self.settings.new_id(), created=f"{now:%Y%m%d%H%M%S}", own_asid=self.settings.own_asid)

    def _record(self, request: web.Request, note: "_Note", status: int) -> None:
        self.state.record(
            Received(
                time=self.settings.clock().isoformat(),
                path=request.path,
                interaction=note.interaction,
                message_id=note.message_id,
                status=status,
                from_asid=note.sender or request.headers.get("nhsd-asid", ""),
                correlation_id=request.headers.get("Correlation-Id", ""),
                traceparent=request.headers.get("traceparent", ""),
                nhs_number=note.nhs,
                outcome=note.outcome,
            )
        )


_PDS = names.RETRIEVAL + names.TRACE


class _Note:
    """What is told of a request afterwards; filled in as it is understood."""

    def __init__(self, *, interaction: str = "", sender: str = "") -> None:
        self.interaction = interaction
        self.sender = sender
        self.message_id = ""
        self.nhs = ""
        self.outcome = "answered"

    def heard(self, message: Message) -> None:
        self.interaction = message.interaction.name
        self.message_id = message.message_id
        self.sender = message.sender


def build_app(settings: SpineSettings | None = None) -> web.Application:
    """The stub as an aiohttp application, with memory of its own."""
    stub = SpineStub(settings or SpineSettings())
    app = web.Application(client_max_size=MAX_REQUEST_BYTES + 1)
    app.router.add_post("/sync-service", stub.sync_service)
    app.router.add_post("/pds", stub.pds_service)
    app.router.add_post("/clinical/alert", stub.alert)
    app.router.add_get("/directory/users/{uid}", stub.directory_user)
    app.router.add_get("/directory/PractitionerRole", stub.directory_role)
    control.add_routes(app, stub.state, stub.settings)
    return app


async def serve(host: str, port: int, settings: SpineSettings | None = None) -> None:
    """Runs the stub until cancelled; says on standard output when it is ready."""
    runner = web.AppRunner(build_app(settings), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
        sys.stdout.write(f"{control.WARNING} listening on http://{host}:{port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
