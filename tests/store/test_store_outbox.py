"""The outbox on both databases: delivered at least once, shared by processes, never lost, never dropped."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.codes import Code
from gateway.domain.errors import SpineUnavailable
from gateway.domain.journal import Write
from gateway.store.journal import Journal
from gateway.store.outbox import Message, Outbox, OutboxSettings, Sender, Undeliverable, wait_after
from gateway.store.tables import outbox
from tests.store.values import NOW, ORGANISATION
from tests.store.values import alert as an_alert

SETTINGS = OutboxSettings(batch=5, lease=60, patience=20, first_wait=2, longest_wait=900)


class Clock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def worker(
    engine: AsyncEngine, clock: Clock, name: str = "one", settings: OutboxSettings = SETTINGS, **senders: Sender
) -> Outbox:
    """A worker without jitter."""
    return Outbox(engine=engine, senders=senders, name=name, clock=clock, settings=settings, chance=lambda: 0.0)


async def raise_alerts(journal: Journal, number: int) -> list[str]:
    """Ids of so many new alerts."""
    alerts = [an_alert() for _ in range(number)]
    await journal.commit(Write(alerts=tuple(alerts)))
    return [each.id for each in alerts]


async def test_each_message_is_delivered_with_its_own_id(journal: Journal, engine: AsyncEngine) -> None:
    ids, sent = await raise_alerts(journal, 3), []

    async def send(message: Message) -> None:
        sent.append(message)

    outbox = worker(engine, Clock(), spine=send, notify=send)
    assert [await outbox.deliver_due() for _ in range(3)] == [5, 1, 0]
    assert sorted(message.id for message in sent) == sorted(
        f"{kind}:{each}" for kind in ("spine", "notify") for each in ids
    )
    event = next(message.body["event"] for message in sent if message.id == f"spine:{ids[0]}")
    assert event["id"] == ids[0]
    assert [message.body for message in sent if message.id == f"notify:{ids[0]}"] == [
        {"alert": ids[0], "organisation": ORGANISATION.value}
    ]
    assert await outbox.waiting() == {"waiting": 0, "delivered": 6, "refused": 0}


async def test_a_failure_is_tried_again_later_and_later(journal: Journal, engine: AsyncEngine) -> None:
    await raise_alerts(journal, 1)
    clock, attempts = Clock(), []

    async def send(message: Message) -> None:
        attempts.append((message.attempt, clock.now - NOW))
        if message.attempt < 4:
            raise SpineUnavailable(Code.SPINE_UNREACHABLE) if message.attempt % 2 else TimeoutError

    outbox = worker(engine, clock, spine=send)
    for second in range(16):
        clock.now = NOW + timedelta(seconds=second)
        await outbox.deliver_due()
    assert [(attempt, wait.total_seconds()) for attempt, wait in attempts] == [(1, 0), (2, 2), (3, 6), (4, 14)]
    assert await outbox.waiting() == {"waiting": 1, "delivered": 1, "refused": 0}  # nobody sends notifications here


async def test_a_bug_in_a_sender_loses_nothing(journal: Journal, engine: AsyncEngine) -> None:
    await raise_alerts(journal, 1)

    async def send(_message: Message) -> None:
        raise ZeroDivisionError

    outbox = worker(engine, Clock(), spine=send)
    await outbox.deliver_due()
    assert (await outbox.waiting())["waiting"] == 2


async def test_what_is_refused_for_good_is_kept_for_the_operator(journal: Journal, engine: AsyncEngine) -> None:
    await raise_alerts(journal, 1)

    async def send(_message: Message) -> None:
        raise Undeliverable("400")

    worker_ = worker(engine, Clock(), spine=send)
    await worker_.deliver_due()
    assert await worker_.deliver_due() == 0
    async with engine.connect() as connection:
        row = (await connection.execute(select(outbox).where(outbox.c.kind == "spine"))).one()
    assert (row.state, row.fault, row.attempts) == ("refused", "400", 1)


async def test_several_processes_share_the_work(journal: Journal, engine: AsyncEngine) -> None:
    await raise_alerts(journal, 40)
    sent: Counter[str] = Counter()

    async def send(message: Message) -> None:
        sent[message.id] += 1
        await asyncio.sleep(0.001)

    workers = [worker(engine, Clock(), name, spine=send) for name in ("one", "two", "three")]

    async def work(each: Outbox) -> None:
        while await each.deliver_due():
            pass

    await asyncio.gather(*map(work, workers))
    assert (len(sent), set(sent.values())) == (40, {1})


async def test_what_a_dead_process_leased_is_taken_over(journal: Journal, engine: AsyncEngine) -> None:
    await raise_alerts(journal, 1)
    clock, sent = Clock(), []
    hanging, begun = asyncio.Event(), asyncio.Event()

    async def hang(_message: Message) -> None:
        begun.set()
        await hanging.wait()

    async def send(message: Message) -> None:
        sent.append((message.id, message.attempt))

    dying = asyncio.create_task(worker(engine, clock, "dying", spine=hang).deliver_due())
    await begun.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    second = worker(engine, clock, "second", spine=send)
    assert await second.deliver_due() == 0
    clock.now += timedelta(seconds=60)
    assert await second.deliver_due() == 1
    assert [attempt for _, attempt in sent] == [2]


async def test_a_slow_receiver_is_left_after_its_time(journal: Journal, engine: AsyncEngine) -> None:
    await raise_alerts(journal, 1)

    async def hang(_message: Message) -> None:
        await asyncio.Event().wait()

    outbox = worker(engine, Clock(), settings=OutboxSettings(patience=0.01), spine=hang)
    assert await outbox.deliver_due() == 1
    assert (await outbox.waiting())["waiting"] == 2


def test_waits_double_to_their_longest() -> None:
    assert [wait_after(attempt, SETTINGS, 0) for attempt in (1, 2, 5, 10, 1000)] == [2, 4, 32, 900, 900]
    assert wait_after(3, SETTINGS, 1) == 6
