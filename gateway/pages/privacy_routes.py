"""Every address of the privacy officer's workbench. What each page does is in its own module."""

from collections.abc import Iterable

from aiohttp import web

from gateway.pages import privacy, sign_in
from gateway.pages.frame import Frame, Handler
from gateway.pages.privacy import CALLBACK, HOME, Bench
from gateway.pages.privacy_alerts import QueuePages
from gateway.pages.privacy_attendance import AttendancePages
from gateway.pages.privacy_checks import CheckPages, SamplePages
from gateway.pages.privacy_reports import ENQUIRY, PATIENT, USER, LookedPages, ReportPages


def privacy_routes(bench: Bench, frame: Frame) -> Iterable[web.RouteDef]:
    """The workbench at /privacy; `frame`: its own, with sessions of its own."""
    page = frame.page
    for address, entrance in (
        (HOME, privacy.start),
        ("/privacy/", privacy.start),
        ("/privacy/sign-in", sign_in.begin(CALLBACK)),
        (f"{HOME}/refused", frame.refused_page),
        *privacy.endings(),
    ):
        yield web.get(address, page(entrance, signed_in=False), allow_head=False)
    yield web.get(CALLBACK, page(privacy.callback, signed_in=False, returning=True), allow_head=False)
    yield web.get("/privacy/role", page(privacy.role_page), allow_head=False)
    yield web.post("/privacy/role", page(privacy.choose_role, form=True))
    yield web.post("/privacy/stay", page(sign_in.stay, form=True))
    yield web.post("/privacy/sign-out", page(sign_in.sign_out, form=True))
    for address, handler in _shown(bench):
        yield web.get(address, page(bench.working(handler)), allow_head=False)
    for address, handler in _posted(bench):
        yield web.post(address, page(bench.working(handler), form=True))
    # its body is a file, so the handler itself checks the form's token and streams the rest
    yield web.post("/privacy/attendance", page(bench.working(AttendancePages(bench=bench).upload)))


def _shown(bench: Bench) -> Iterable[tuple[str, Handler]]:
    queue, checks, samples = QueuePages(bench=bench), CheckPages(bench=bench), SamplePages(bench=bench)
    yield "/privacy/alerts", queue.queue
    yield "/privacy/alerts/{id}", queue.one
    for kind in (PATIENT, USER, ENQUIRY):
        yield f"/privacy/reports/{kind.name}", ReportPages(bench=bench, kind=kind).form
    yield "/privacy/looked", LookedPages(bench=bench).form
    yield "/privacy/permissions", checks.permissions
    yield "/privacy/charts", checks.charts
    yield "/privacy/samples", samples.listed
    yield "/privacy/samples/{id}", samples.one
    yield "/privacy/attendance", AttendancePages(bench=bench).form


def _posted(bench: Bench) -> Iterable[tuple[str, Handler]]:
    queue, looked = QueuePages(bench=bench), LookedPages(bench=bench)
    yield "/privacy/alerts/export", queue.export
    yield "/privacy/alerts/{id}", queue.act
    for kind in (PATIENT, USER, ENQUIRY):
        reports = ReportPages(bench=bench, kind=kind)
        yield f"/privacy/reports/{kind.name}", reports.run
        yield f"/privacy/reports/{kind.name}/export", reports.export
    yield "/privacy/looked", looked.run
    yield "/privacy/looked/export", looked.run
    yield "/privacy/samples", SamplePages(bench=bench).draw
    yield "/privacy/attendance/close", AttendancePages(bench=bench).close
