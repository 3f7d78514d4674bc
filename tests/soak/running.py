"""One soak from start to reckoning: warm up, count, let traffic and chaos loose for a time, mend, settle, count again, stop, check."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.house import NUMBER, requests_of
from tests.soak import chaos, checks, slow
from tests.soak.counts import Count, count, exposition
from tests.soak.house import House, house
from tests.soak.ledger import Asked, Ledger
from tests.soak.traffic import ACTIONS, Street, client
from tests.test_patient_cases import DOORS, PATIENTS
from vendor_stubs.calling.errors import CallingError
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.calling.preparation import prepare
from vendor_stubs.calling.products import product

FRESH_SECONDS = 200.0
"""After which the crowds' requests are made anew: their time stamp lasts five minutes."""
RECOVERY_SECONDS = 60.0
SETTLE_SECONDS = 60.0
LEAK_FILES, LEAK_TASKS, LEAK_SHARE = 6, 6, 0.10
"""What a process may hold more at the end than at the start: pools and background work breathe; memory as a share."""
DATABASE_FILES = 120
"""Most that the SQLite database may be open: two pools of 10 with 10 more each at a peak, the loop's own connection, three files each.
How many a pool has opened depends on the worst moment so far, so there is no start to compare with. What leaks has no such bound.
"""
TOLD_SECONDS = 120.0
"""Between two lines that say how far a run is."""


@dataclass(frozen=True)
class Plan:
    """What is asked for."""

    kind: str
    """sqlite or postgresql."""
    seconds: float
    rate: float
    """Actions a second; each is about six requests."""
    seed: int
    workers: int
    base: int
    data: Path
    brief: bool = False
    """Each fault once, as short as it may be, and small crowds all at once: to see that the soak itself still works."""


class Hasty(random.Random):
    """Chance without patience: every pause and every fault as short as it may be."""

    def uniform(self, a: float, b: float) -> float:
        """The shorter."""
        return min(a, b)


@dataclass
class Report:
    """What came of it."""

    plan: Plan
    ledger: Ledger = field(default_factory=Ledger)
    done: dict[str, int] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    crowds: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)
    """The spared worker's, in MB, from start to end."""
    start: Count | None = None
    end: Count | None = None
    entries: int = 0
    alerts: int = 0
    said: str = ""
    canaries: int = 0
    violations: list[str] = field(default_factory=list)


async def _warm(street: Street, crowd: tuple[bytes, bytes], chance: random.Random) -> None:
    """Everything once, so that what is loaded on first use is there before anything is counted."""
    size, rounds = (12, 1) if street.brief else (48, 2)
    for action, _ in ACTIONS.values():
        for _ in range(rounds):
            try:
                await action(street, random.Random(chance.random()))
            except CallingError as error:
                street.ledger.wrong(f"no answer before anything was broken: {error}")
    for _ in range(4):  # many at once: the pools of connections are then as large as they get
        await slow.gather("leaving clients", slow.Crowd(street.house.sandbox.base, crowd, street.ledger, chance, size))


async def _quiet(place: House, pid: int, seconds: float, most: Count | None = None) -> Count:
    """The count once no caller is connected and no task ends any more, and, where a count is given, once it is held; or as it
    is when time is up.
    """
    end, before = asyncio.get_running_loop().time() + seconds, await count(place, pid)
    while True:
        await asyncio.sleep(1)
        found = await count(place, pid)
        settled = found.callers == 0 and found.tasks == before.tasks and (most is None or not _grown(most, found))
        if settled or asyncio.get_running_loop().time() > end:
            return found
        before = found


def _grown(start: Count, end: Count) -> list[str]:
    """What a process holds more than it may."""
    wrong = []
    if end.callers:
        wrong.append(f"leak: {end.callers} connections of callers who are gone")
    if start.tasks is None or end.tasks is None:
        wrong.append("leak: the worker did not tell its tasks")
    elif end.tasks > start.tasks + LEAK_TASKS:
        wrong.append(f"leak: {start.tasks} tasks at start, {end.tasks} at the end")
    if end.files > start.files + LEAK_FILES:
        more = ", ".join(f"{name} +{number}" for name, number in (end.kinds - start.kinds).most_common(5))
        wrong.append(f"leak: {start.files} open files at start, {end.files} at the end ({more})")
    if end.database > DATABASE_FILES:
        wrong.append(f"leak: the database is open {end.database} times at the end, the pools' most is {DATABASE_FILES}")
    return wrong


def _memory(report: Report) -> list[str]:
    """Flat memory: once warm no higher at the end than in the middle, but for what breathes. (`make bench` measures it exactly.)"""
    last, middle = report.memory[-1], report.memory[len(report.memory) // 2]
    if last > middle * (1 + LEAK_SHARE):
        return [f"memory: {middle:.0f} MB in the middle, {last:.0f} MB at the end"]
    return []


def said(text: str) -> None:
    """One line of progress."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)


@dataclass
class _Run:
    """What the tasks of one run share."""

    place: House
    street: Street
    report: Report
    spared: int
    """The oldest worker's pid: it lives through everything."""
    requests: tuple[bytes, bytes]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    metrics: list[bytes] = field(default_factory=list)

    async def pause(self, seconds: float) -> None:
        """Waits, or until the end."""
        try:
            async with asyncio.timeout(seconds):
                await self.stop.wait()
        except TimeoutError:
            return

    async def break_things(self, chance: random.Random) -> None:
        """Round after round, each fault once, in the seed's order; each is mended and overcome before the next."""
        faults, brief = chaos.faults(self.report.plan.kind), self.report.plan.brief
        while not self.stop.is_set():
            for name in chaos.order(list(faults), chance):
                own = (Hasty if brief else random.Random)(chance.random())
                await self.pause(own.uniform(1, 4))
                if self.stop.is_set():
                    return
                await faults[name](self.place, own)
                self.report.faults[name] += 1
                if not await self.place.until_ready(RECOVERY_SECONDS):
                    self.street.ledger.wrong(f"not ready again {RECOVERY_SECONDS:.0f} s after: {name}")
            if brief:
                return

    async def crowd_in(self, chance: random.Random) -> None:
        """One crowd after the other, or, where it must be brief, small ones all at once."""
        if self.report.plan.brief:
            await asyncio.gather(*(self._crowd(name, 3, random.Random(f"{name}")) for name in slow.CROWDS))
            return
        while not self.stop.is_set():
            for name in chaos.order(list(slow.CROWDS), chance):
                own = random.Random(chance.random())
                await self.pause(own.uniform(0, 3))
                if self.stop.is_set():
                    return
                await self._crowd(name, slow.CROWDS[name][1], own)

    async def _crowd(self, name: str, size: int, chance: random.Random) -> None:
        crowd = slow.Crowd(self.place.sandbox.base, self.requests, self.street.ledger, chance, size)
        await slow.gather(name, crowd)
        self.report.crowds[name] += size

    async def refresh(self) -> None:
        """New proofs for the crowds' requests now and then."""
        while not self.stop.is_set():
            await self.pause(FRESH_SECONDS)
            if not self.stop.is_set():
                try:
                    self.requests = await asyncio.to_thread(requests_of, self.place.sandbox)
                except Exception:  # noqa: BLE001 - the house is being broken: the next turn comes
                    await self.pause(5)

    async def tell(self) -> None:
        """How far it is, now and then."""
        began = asyncio.get_running_loop().time()
        while not self.stop.is_set():
            await self.pause(TOLD_SECONDS)
            ledger = self.street.ledger
            said(
                f"{asyncio.get_running_loop().time() - began:.0f} s: {ledger.requests} requests, {len(ledger.shown)} records, "
                f"{sum(self.report.faults.values())} faults, {len(ledger.violations)} violations so far"
            )

    async def sample(self, every: float) -> None:
        """Memory and metrics as time goes by."""
        while not self.stop.is_set():
            await self.pause(every)
            self.place.workers()
            try:
                self.report.memory.append(psutil.Process(self.spared).memory_info().rss / 2**20)
            except psutil.NoSuchProcess:
                self.street.ledger.wrong("the spared worker has ended by itself")
                return
            page = await exposition(self.place)
            if page is not None:
                self.metrics = [*self.metrics[-200:], page]


async def _let_loose(run: _Run) -> None:
    """Traffic and chaos for the planned time."""
    plan = run.report.plan
    clients = max(2, round(plan.rate))
    tasks = [
        asyncio.create_task(client(run.street, f"{plan.seed} {n}", clients / plan.rate, run.stop, run.report.done))
        for n in range(clients)
    ]
    breaking = [
        asyncio.create_task(run.break_things(random.Random(f"{plan.seed} faults"))),
        asyncio.create_task(run.crowd_in(random.Random(f"{plan.seed} crowds"))),
    ]
    tasks += [
        *breaking,
        asyncio.create_task(run.refresh()),
        asyncio.create_task(run.tell()),
        asyncio.create_task(run.sample(min(30.0, plan.seconds / 10))),
    ]
    loop = asyncio.get_running_loop()
    ends = loop.time() + plan.seconds
    while loop.time() < ends:
        await asyncio.sleep(0.2)
        if any(task.done() and task.exception() for task in tasks) or all(task.done() for task in breaking):
            break
    run.stop.set()
    await asyncio.gather(*tasks)


async def _recovered(street: Street) -> None:
    """With everything mended, every door shows a record again."""
    for door in DOORS:
        request = ViewRequest(nhs_number=PATIENTS["core"].nhs, uid=door.user, permission="yes", relationship="referral")
        ended = "no answer"
        for _ in range(40):
            asked = Asked(door.product, request.nhs_number, view=True)
            try:
                async with street.calls(door.product, asked) as calls:
                    await prepare(request, calls)
                    result = await product(door.product).view(request, calls)
                ended = f"{result.outcome} {result.code}"
                if result.outcome == "record":
                    break
            except CallingError:
                ended = "no answer"
            await asyncio.sleep(0.5)
        else:
            street.ledger.wrong(f"{door.product} does not show a record again: {ended}")


def _log(place: House) -> bytes:
    """All output but the line of the greeting that tells a person what to try, with an invented patient's number."""
    lines = place.sandbox.log.read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if b"vendor-stub mini-service view --nhs-number 9992000481" not in line)


async def soak(plan: Plan) -> Report:
    """Runs it; everything that was wrong stands in the report. Raises LookupError without PostgreSQL, RuntimeError without a sandbox."""
    report = Report(plan)
    async with house(plan.data, plan.base, plan.workers, plan.kind) as place:
        street = Street(place, report.ledger, set(), set(), brief=plan.brief)
        requests = await asyncio.to_thread(requests_of, place.sandbox)
        run = _Run(place, street, report, place.workers()[0].pid, requests)
        street.patients.add(NUMBER)
        said(f"{plan.kind}: the sandbox is ready, warming up")
        await _warm(street, requests, random.Random(f"{plan.seed} warm"))
        report.start = await _quiet(place, run.spared, 20)
        report.memory.append(report.start.rss / 2**20)
        said(f"warm ({report.start}); traffic and faults for {plan.seconds:.0f} s")
        await _let_loose(run)
        said("all mended; does every door answer again?")
        await _recovered(street)
        said("settling")
        report.end = await _quiet(place, run.spared, SETTLE_SECONDS, report.start)
        report.memory.append(report.end.rss / 2**20)
        page = await exposition(place, run.spared)
        said("stopping, then the reckoning")
        status = await place.stop()
        report.violations += report.ledger.violations
        report.violations += _grown(report.start, report.end) + _memory(report)
        if status != 0:
            report.violations.append(f"the sandbox ended with {status}, not in order")
        report.violations += [f"a process is left: {command}" for command in place.left()]
        found = await checks.evidence(place)
    report.entries, report.alerts, report.said = len(found.entries), len(found.alerts), found.said
    words = checks.canaries(street.patients, street.notes)
    report.canaries = len(words)
    places = {"the log": _log(place), "the metrics": b"\n".join([*run.metrics, page or b""])}
    report.violations += checks.on_record(report.ledger, found) + checks.alerted(report.ledger, found)
    report.violations += checks.sound(found) + checks.silent(places, words)
    return report
