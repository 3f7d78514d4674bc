"""An alert's way out of the house: to Spine in full, to the privacy officer as a reference, again where nobody took it."""

import asyncio
import email
import email.policy
import json
import socket
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiosmtpd.smtp import SMTP, Envelope

from gateway.config import Notices
from gateway.domain.codes import Code
from gateway.notices import officer_sender, spine_sender
from gateway.spine.outcomes import SpineFailure
from gateway.store.alert_message import notification, spine_delivery
from gateway.store.outbox import Message, Undeliverable
from tests.pages.privacy.officers import DOCTOR, alert_of, emergency
from tests.pages.walking import PATIENTS, rows, walking
from tests.running import RunningSandbox
from tests.store.values import alert as an_alert

NOTE = "Collapsed beside the war memorial"
PUBLIC = "https://scr.example"


def told(url: str) -> Any:
    """What a stub says it was sent."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.loads(answer.read())


def mails(folder: Path) -> dict[str, str]:
    """Caught messages: reference -> the whole text."""
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.eml")]
    return {text.partition("Reference: ")[2].partition("\n")[0].strip(): text for text in texts}


async def test_an_emergency_reaches_spine_in_full_and_the_officer_as_a_reference(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        alert_id = alert_of(sandbox, await emergency(browser, PATIENTS["core"], NOTE))
    async with asyncio.timeout(60):
        while set(rows(sandbox, "SELECT state FROM outbox WHERE alert_id = ?", alert_id)) != {("delivered",)}:  # noqa: ASYNC110 - it is noted in the database
            await asyncio.sleep(0.1)
    [event] = [one for one in told(f"{sandbox.spine}/control/alerts") if alert_id in json.dumps(one)]
    for said in (PATIENTS["core"], DOCTOR, NOTE):
        assert said in json.dumps(event)
    [hook] = [one for one in told(f"{sandbox.spine}/control/webhooks") if one["body"]["reference"] == alert_id]
    assert hook["body"] == {"reference": alert_id, "organisation": "RZZ01", "id": f"notify:{alert_id}"}
    mail = mails(sandbox.data / "mail")[alert_id]
    message = email.message_from_string(mail, policy=email.policy.default)
    assert message["To"] == "privacy-officer.rzz01@localhost"
    for private in (PATIENTS["core"], DOCTOR, NOTE, "ADAMS", "Adams", "emergency", "Emergency"):
        assert private not in mail
        assert private not in json.dumps(hook)


def message(kind: str = "notify", **more: object) -> Message:
    """What the outbox hands over."""
    raised = an_alert(**more)
    body = notification(raised) if kind == "notify" else spine_delivery(raised)
    return Message(id=f"{kind}:{raised.id}", kind=kind, organisation=raised.organisation.value, attempt=1, body=body)


class Officers:
    """A webhook and a mail server that take nothing until they are told to."""

    def __init__(self) -> None:
        self.status = 500
        self.refusal = "451 not now"
        self.hooks: list[dict[str, str]] = []
        self.mails: list[str] = []

    async def hook(self, request: web.Request) -> web.Response:
        """POST: the answer as told."""
        self.hooks.append(await request.json())
        return web.Response(status=self.status)

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        """One mail."""
        self.mails.append(bytes(envelope.content or b"").decode())  # type: ignore[arg-type]
        return self.refusal


@pytest.fixture
async def officers() -> AsyncIterator[tuple[Officers, Notices]]:
    """Both, and the settings that lead to them."""
    made = Officers()
    application = web.Application()
    application.router.add_post("/hook", made.hook)
    server = TestServer(application)
    await server.start_server()
    post = await asyncio.get_running_loop().create_server(
        lambda: SMTP(made, hostname="officers.invalid"), "127.0.0.1", 0
    )
    port = post.sockets[0].getsockname()[1]
    yield (
        made,
        Notices(webhook=str(server.make_url("/hook")), smtp_host="127.0.0.1", smtp_port=port, smtp_start_tls=False),
    )
    post.close()
    await server.close()


async def test_a_notice_nobody_took_is_sent_again_under_the_same_id(officers: tuple[Officers, Notices]) -> None:
    made, settings = officers
    notice = message()
    async with aiohttp.ClientSession() as session:
        send = officer_sender(settings, PUBLIC, session)
        with pytest.raises(OSError, match="webhook did not take"):
            await send(notice)
        made.status = 204
        with pytest.raises(OSError, match="mail server did not take"):
            await send(notice)
        made.refusal = "250 caught"
        await send(notice)
    assert {hook["id"] for hook in made.hooks} == {notice.id}
    read = [email.message_from_string(text, policy=email.policy.default) for text in made.mails]
    assert len({one["Message-ID"] for one in read}) == 1
    assert f"Reference: {notice.body['alert']}" in read[-1].get_content()
    assert f"{PUBLIC}/privacy" in read[-1].get_content()


async def test_where_nobody_listens_it_is_tried_again() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with aiohttp.ClientSession() as session:
        for settings in (
            Notices(webhook=f"http://127.0.0.1:{port}/hook"),
            Notices(smtp_host="127.0.0.1", smtp_port=port, smtp_start_tls=False),
        ):
            with pytest.raises(OSError, match=r"could not be reached|did not take"):
                await officer_sender(settings, PUBLIC, session)(message())


class Spine:
    """Spine's side of an alert: fails as told."""

    def __init__(self, failure: SpineFailure | None) -> None:
        self.failure = failure
        self.sent: list[dict[str, object]] = []

    async def send_alert(self, event: dict[str, object], **_: object) -> None:
        """As the client's own."""
        self.sent.append(event)
        if self.failure is not None:
            raise self.failure


async def test_what_spine_refuses_for_good_is_kept_and_anything_else_tried_again() -> None:
    delivery = message("spine")
    taken = Spine(None)
    await spine_sender(taken)(delivery)  # type: ignore[arg-type]
    assert [event["id"] for event in taken.sent] == [delivery.id.removeprefix("spine:")]
    with pytest.raises(Undeliverable):
        await spine_sender(Spine(SpineFailure(Code.SPINE_FAULT)))(delivery)  # type: ignore[arg-type]
    for passing in (
        SpineFailure(Code.SPINE_FAULT, transient=True),
        SpineFailure(Code.SPINE_UNREACHABLE),
    ):
        with pytest.raises(SpineFailure):
            await spine_sender(Spine(passing))(delivery)  # type: ignore[arg-type]
