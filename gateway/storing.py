"""What keeps state, built from the settings: database, audit journal, and the work beside it that no request waits for."""

import os
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from pathlib import Path

import aiohttp
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.background import beside
from gateway.config import ConfigInvalid, Settings
from gateway.domain.errors import InvalidValue
from gateway.domain.journal import Write
from gateway.metrics import Metrics
from gateway.notices import officer_sender, spine_sender
from gateway.production import Mode
from gateway.service.ports import Ids
from gateway.spine.client import SpineClient
from gateway.store.checkpoints import AnchorFile
from gateway.store.engine import make_engine, refuse_to_begin_again, upgrade
from gateway.store.journal import Journal, JournalSettings
from gateway.store.keys import audit_keys_made, load_keys, load_or_create_keys
from gateway.store.outbox import Outbox
from gateway.store.people import TrainingRecord, record_training
from gateway.store.tables import audit
from gateway.store.training import read_export
from gateway.store.upkeep import forgetting
from gateway.text_files import TextUnreadable, read_text


def own_name() -> str:
    """This process's name in chains and deliveries."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def storing(
    settings: Settings, mode: Mode, metrics: Metrics, ids: Ids, clock: Callable[[], datetime], stack: AsyncExitStack
) -> Journal:
    """The journal, writing, over tables of this version's form; sealed and closed with the stack.

    Raises ConfigInvalid, NotDurable, KeysUnusable, NotPossibleNow.
    """
    store = settings.store
    refuse_to_begin_again(store.url, audit_keys_made(store.keys))
    engine = make_engine(store.url, password_file=store.password_file)
    stack.push_async_callback(engine.dispose)
    await upgrade(engine)
    new = mode is Mode.SANDBOX and not await _begun(engine)
    keys = (load_or_create_keys if new else load_keys)(store.keys)
    journal = Journal(
        engine=engine,
        keys=keys,
        host=own_name(),
        ids=ids.new,
        clock=clock,
        settings=JournalSettings(linger=store.linger_ms / 1000, most_waiting=store.queue),
        meter=metrics,
        anchor=AnchorFile(store.anchor) if store.anchor is not None else None,
    )
    await journal.start()
    stack.push_async_callback(journal.stop)
    await stack.enter_async_context(beside("forgetting", partial(forgetting, engine, clock), metrics))
    if settings.training is not None:
        step = record_training(_training(settings.training), at=clock(), source=settings.training.name)
        await journal.commit(Write(), step)
    return journal


async def _begun(engine: AsyncEngine) -> bool:
    """Whether there are entries: new keys in place of those that wrote them would make every one look forged."""
    async with engine.connect() as connection:
        return (await connection.execute(select(audit.c.seq).limit(1))).first() is not None


def _training(file: Path) -> tuple[TrainingRecord, ...]:
    """The training service's export. Raises ConfigInvalid."""
    try:
        return read_export(read_text(file))
    except (InvalidValue, TextUnreadable) as error:
        raise ConfigInvalid((f"training: {error}",)) from error


async def deliver(
    settings: Settings,
    engine: AsyncEngine,
    spine: SpineClient,
    session: aiohttp.ClientSession,
    metrics: Metrics,
    clock: Callable[[], datetime],
    stack: AsyncExitStack,
) -> None:
    """Starts what delivers alerts and notices until the gateway stops."""
    senders = {
        "spine": spine_sender(spine),
        "notify": officer_sender(settings.notices, settings.public_url, session),
    }
    outbox = Outbox(engine=engine, senders=senders, name=own_name(), clock=clock, meter=metrics.outbox)
    await stack.enter_async_context(beside("outbox", outbox.run, metrics))
