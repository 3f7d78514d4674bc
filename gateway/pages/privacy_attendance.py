"""Holding an attendance file against the open alerts: upload, what it explains, and closing what the officer chooses.

The file is streamed into a nameless temporary file, read once and gone; the proposal travels sealed under the session's own
secret, so that the evidence in a closing note is what the file said and not what a browser sent.
"""

import asyncio
import hmac
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson
from aiohttp import BodyPartReader, MultipartReader, web

from gateway.body import UNREADABLE, content_encoding
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, GatewayError, InternalError, MessageInvalid
from gateway.domain.privacy import AlertState, FileRefused, Matched, Reconciliation
from gateway.pages import formats
from gateway.pages.frame import Turn
from gateway.pages.privacy import Bench, again, shown
from gateway.pages.sessions import form_token
from gateway.service.privacy import Desk

MULTIPART = "multipart/form-data"
MOST_BYTES = 96 * 1024 * 1024
UPLOAD_SECONDS = 120.0
AT_ONCE = 40
"""Alerts proposed at a time; a form has at most sixty fields."""
_BLOCK = 256 * 1024
_UNREADABLE = "It cannot be read or changed in the database. Tell the operator to run audit verify, which says more."
_OWN_SITE = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendancePages:
    """The handlers of the attendance check."""

    bench: Bench

    async def form(self, turn: Turn) -> web.StreamResponse:
        """GET /privacy/attendance."""
        desk = await self.bench.desk(turn, "attendanceCheck")
        await self.bench.privacy.note(desk, "privacy", ("form", True))
        return shown(turn, "attendance", "attendance")

    async def upload(self, turn: Turn) -> web.StreamResponse:
        """POST /privacy/attendance (multipart: csrf, then file). Raises AccessDenied, MessageInvalid, NotPossibleNow."""
        desk = await self.bench.desk(turn, "attendanceCheck")
        with tempfile.TemporaryFile() as file:
            try:
                async with asyncio.timeout(UPLOAD_SECONDS), turn.frame.gate.reading(turn.request):
                    await _receive(turn, file)
                found = await self.bench.privacy.reconcile(desk, file)
            except TimeoutError as error:
                raise MessageInvalid(Code.MESSAGE_TOO_LARGE) from error
            except FileRefused as refused:
                problems = [{"text": str(refused), "href": "#file"}]
                return again(shown(turn, "attendance", "attendance", problems=problems))
        return self._proposed(turn, desk, found)

    def _proposed(self, turn: Turn, desk: Desk, found: Reconciliation) -> web.Response:
        own = [one for one in found.matched if one.case.alert.user == desk.user.id]
        offered = [one for one in found.matched if one.case.alert.user != desk.user.id][:AT_ONCE]
        sealed = turn.frame.seal.close(turn.signed_in.secret, {"notes": _notes(found.digest, offered)})
        return shown(
            turn,
            "proposed",
            "attendance",
            found=found,
            offered=offered,
            own=own[:AT_ONCE],
            own_found=len(own),
            later=len(found.matched) - len(own) - len(offered),
            proposal=orjson.dumps(sealed).decode(),
        )

    async def close(self, turn: Turn) -> web.StreamResponse:
        """POST /privacy/attendance/close: closes the alerts chosen, each with its evidence; says of each what came of it."""
        desk = await self.bench.desk(turn, "closeByAttendance")
        notes = _opened(turn)
        results: list[dict[str, Any]] = []
        for alert_id, (version, note) in notes.items():
            if turn.form.get(f"alert-{alert_id}") == "yes":
                results.append(await self._closed(desk, alert_id, version, note))
        return shown(turn, "closed", "attendance", results=results)

    async def _closed(self, desk: Desk, alert_id: str, version: int, note: str) -> dict[str, Any]:
        """One act; a refused one does not stop the others. Raises NotPossibleNow where nothing more can be recorded."""
        try:
            await self.bench.privacy.act(desk, alert_id, version, AlertState.CLOSED, note)
        except GatewayError as error:
            if isinstance(error, InternalError):  # nothing was changed, and the others can still be closed
                return {"id": alert_id, "done": False, "why": _UNREADABLE}
            if error.code not in {Code.ALERT_CHANGED, Code.ALERT_OWN_ACCESS, Code.PAGE_NOT_FOUND}:
                raise
            return {"id": alert_id, "done": False, "why": f"{error.sentence} {error.code.entry.next_step}"}
        return {"id": alert_id, "done": True, "why": ""}


def _notes(digest: str, offered: Sequence[Matched]) -> dict[str, list[Any]]:
    """Alert id -> [version, closing note]. The note names file, row and times, and nothing else of the row."""
    notes: dict[str, list[Any]] = {}
    for one in offered:
        there = one.attendance
        until = formats.moment(there.end) if there.end is not None else "still there"
        note = (
            f"Attendance on record: {formats.moment(there.start)} to {until} (line {there.row} of the file with "
            f"SHA-256 {digest}). The access lies within it."
        )
        notes[one.case.alert.id] = [one.case.version, note]
    return notes


def _opened(turn: Turn) -> Mapping[str, tuple[int, str]]:
    """The proposal as this session was given it. Raises AccessDenied where it is another's or was changed."""
    try:
        sealed = orjson.loads(turn.form.get("proposal", ""))
    except orjson.JSONDecodeError as error:
        raise MessageInvalid(Code.MESSAGE_VALUE) from error
    if not isinstance(sealed, dict):
        raise MessageInvalid(Code.MESSAGE_VALUE)
    try:
        notes = turn.frame.seal.open(turn.signed_in.secret, sealed).get("notes")
    except AccessDenied as error:
        raise AccessDenied(Code.FORM_TOKEN) from error
    if not isinstance(notes, dict):
        raise AccessDenied(Code.FORM_TOKEN)
    return {str(alert_id): (int(version), str(note)) for alert_id, (version, note) in notes.items()}


async def _receive(turn: Turn, file: BinaryIO) -> None:
    """The posted form: its token first, then its file, streamed. Raises AccessDenied, MessageInvalid."""
    request = turn.request
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in _OWN_SITE:
        raise AccessDenied(Code.FORM_TOKEN)
    if request.content_type != MULTIPART:
        raise MessageInvalid(Code.MESSAGE_MEDIA_TYPE)
    if content_encoding(request) is not None:  # it is read as it comes, part by part
        raise MessageInvalid(Code.MESSAGE_MEDIA_TYPE)
    if (request.content_length or 0) > MOST_BYTES:
        raise MessageInvalid(Code.MESSAGE_TOO_LARGE)
    try:
        reader = await request.multipart()
        await _token(turn, await _part(reader, "csrf"))
        await _copy(await _part(reader, "file"), file)
    except ValueError as error:  # aiohttp says so of a body that is not multipart
        raise MessageInvalid(Code.MESSAGE_VALUE) from error
    except UNREADABLE as error:
        raise MessageInvalid(Code.MESSAGE_MEDIA_TYPE) from error
    except ConnectionError as error:  # the browser went away
        raise MessageInvalid(Code.MESSAGE_HEADERS) from error


async def _part(reader: MultipartReader, name: str) -> BodyPartReader:
    part = await reader.next()
    if not isinstance(part, BodyPartReader) or part.name != name:
        raise MessageInvalid(Code.MESSAGE_VALUE)
    return part


async def _token(turn: Turn, part: BodyPartReader) -> None:
    given = await part.read_chunk(256)
    if not hmac.compare_digest(form_token(turn.signed_in.secret).encode(), bytes(given)) or await part.read_chunk(1):
        raise AccessDenied(Code.FORM_TOKEN)


async def _copy(part: BodyPartReader, file: BinaryIO) -> None:
    size = 0
    while block := await part.read_chunk(_BLOCK):
        size += len(block)
        if size > MOST_BYTES:
            raise MessageInvalid(Code.MESSAGE_TOO_LARGE)
        file.write(block)
