"""What asks Spine, built from the settings: limits, trust and certificate, addresses."""

import random
import ssl
import uuid
from collections.abc import Callable
from datetime import datetime

from gateway import logs
from gateway.config import Settings
from gateway.domain.identifiers import Asid, NhsNumbers
from gateway.metrics import Metrics
from gateway.pem_files import unfit
from gateway.spine.client import SpineClient
from gateway.spine.interactions import SpineAddressing
from gateway.spine.transport import SpineLimits, SpineTransport

LOG = logs.get("asking")


def spine_limits(settings: Settings) -> SpineLimits:
    """Bounds of calls to Spine."""
    spine = settings.spine
    return SpineLimits(
        connect_seconds=spine.connect_seconds,
        read_seconds=spine.read_seconds,
        total_seconds=spine.total_seconds,
        connections=spine.connections,
        queue=spine.waiting,
    )


def spine_client(
    settings: Settings,
    transport: SpineTransport,
    metrics: Metrics,
    numbers: NhsNumbers,
    clock: Callable[[], datetime],
) -> SpineClient:
    """The client, over a transport that is open."""
    spine = settings.spine
    addressing = SpineAddressing(
        psis_url=spine.sync_url,
        pds_url=spine.pds_url,
        alert_url=spine.alert_url,
        spine_asid=Asid(spine.asid),
        from_address=spine.from_address,
    )
    return SpineClient(
        transport,
        addressing,
        numbers,
        new_id=uuid.uuid4,
        now=clock,
        jitter=random.random,
        limits=spine_limits(settings),
        meter=metrics,
    )


def spine_tls(settings: Settings) -> ssl.SSLContext | None:
    """Trust and client certificate for Spine, where it is reached over TLS."""
    spine = settings.spine
    if spine.ca is None and spine.client_certificate is None:
        return None
    context = ssl.create_default_context(cafile=None if spine.ca is None else str(spine.ca))
    if spine.client_certificate is not None:
        context.load_cert_chain(spine.client_certificate, spine.client_key)
    return context


def renew_spine_certificate(settings: Settings, context: ssl.SSLContext | None, now: datetime, *, live: bool) -> bool:
    """Reads the client certificate for Spine again: connections made from now on show it. A faulty one is reported, the old
    one stays. Spine's authority is read at start only. Returns whether it is sound.
    """
    spine = settings.spine
    if context is None or spine.client_certificate is None or spine.client_key is None:
        return True
    wrong = unfit(spine.client_certificate, spine.client_key, None, now, live=live)
    try:
        if not wrong:
            context.load_cert_chain(spine.client_certificate, spine.client_key)
    except (OSError, ssl.SSLError) as error:  # exchanged between the two looks
        wrong = (type(error).__name__,)
    if wrong:
        LOG.error("alarm", alarm="certificate-not-reloaded", listener="spine", reason="; ".join(wrong))
    return not wrong
