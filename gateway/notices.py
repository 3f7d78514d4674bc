"""What the outbox delivers and how: alerts to Spine, and to privacy officers a reference that there is one, nothing more.

A notice never names a patient, a user or a reason (section 3d).
"""

from collections.abc import Mapping
from email.message import EmailMessage

import aiohttp
import aiosmtplib

from gateway.config import Notices
from gateway.domain.identifiers import Asid, CorrelationId, RoleProfileId, UserId
from gateway.spine.client import SpineClient
from gateway.spine.outcomes import SpineFailure
from gateway.store.outbox import Message, Sender, Undeliverable


def spine_sender(spine: SpineClient) -> Sender:
    """Delivers an alert to Spine's alert endpoint."""

    async def send(message: Message) -> None:
        body = message.body
        try:
            await spine.send_alert(
                body["event"],
                asid=Asid(body["asid"]),
                user=UserId(body["user"]),
                role=RoleProfileId(body["role"]),
                correlation_id=CorrelationId(body["correlation_id"]),
            )
        except SpineFailure as failure:
            if not failure.transient and failure.code.slug == "spine-fault":
                raise Undeliverable("refused by Spine") from failure
            raise

    return send


def text(body: Mapping[str, object], public_url: str) -> str:
    """The words of a notice."""
    return (
        f"There is a new Summary Care Record privacy alert for organisation {body['organisation']}.\n\n"
        f"Reference: {body['alert']}\nSign in to read it: {public_url}/privacy\n"
    )


def officer_sender(settings: Notices, public_url: str, session: aiohttp.ClientSession) -> Sender:
    """Tells privacy officers by webhook and mail, as configured. Raises OSError and the like to try again."""

    async def send(message: Message) -> None:
        if settings.webhook is not None:
            document = {"reference": message.body["alert"], "organisation": message.organisation, "id": message.id}
            try:
                async with session.post(
                    settings.webhook, json=document, timeout=aiohttp.ClientTimeout(total=10)
                ) as answer:
                    if answer.status >= 300:
                        raise OSError("the webhook did not take the notice")
            except aiohttp.ClientError as error:
                raise OSError("the webhook could not be reached") from error
        if settings.smtp_host is not None:
            await _mail(settings, message, public_url)

    return send


async def _mail(settings: Notices, message: Message, public_url: str) -> None:
    mail = EmailMessage()
    mail["From"] = settings.sender
    mail["To"] = settings.recipient.format(organisation=message.organisation.lower())
    mail["Subject"] = "Summary Care Record privacy alert"
    mail["Message-ID"] = f"<{message.id.replace(':', '.')}@{settings.sender.rpartition('@')[2]}>"
    mail.set_content(text(message.body, public_url))
    try:
        await aiosmtplib.send(
            mail, hostname=settings.smtp_host, port=settings.smtp_port, timeout=10, start_tls=settings.smtp_start_tls
        )
    except aiosmtplib.SMTPException as error:
        raise OSError("the mail server did not take the notice") from error
