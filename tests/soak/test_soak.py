"""The soak's short form, so that the long one is fit to run: each fault once, every door, every kind of bad client; and its checks can fail."""

from pathlib import Path

import pytest

from tests.postgres import Cluster, postgres_cluster  # noqa: F401 - says whether PostgreSQL is here
from tests.running import free_base
from tests.soak import chaos, checks, slow
from tests.soak.checks import Evidence
from tests.soak.counts import Count
from tests.soak.ledger import Asked, Ledger, Shown, numbers_in
from tests.soak.running import Plan, _grown, soak
from tests.soak.summary import summary
from tests.test_patient_cases import DOORS

NUMBER, SUPERSEDED_BY, OTHER = "9992000112", "9992013214", "9992000481"
ASKED = Asked("cleo", NUMBER, overrides=True, view=True)


async def brief(folder: Path, kind: str) -> None:
    """One short soak in which everything holds."""
    plan = Plan(kind=kind, seconds=90, rate=3, seed=7, workers=2, base=free_base(), data=folder, brief=True)
    report = await soak(plan)
    print(summary(report))
    assert report.violations == []
    assert set(report.faults) == set(chaos.faults(kind))
    assert set(report.crowds) == set(slow.CROWDS)
    shown = report.ledger.shown.values()
    assert {one.asked.door for one in shown} == {door.product for door in DOORS}
    assert any(one.asked.overrides for one in shown)
    assert any(not one.whole for one in shown)
    assert report.alerts > 0
    assert report.canaries > 100


async def test_a_short_soak_on_sqlite(tmp_path: Path) -> None:
    await brief(tmp_path, "sqlite")


@pytest.mark.postgres
async def test_a_short_soak_on_postgresql(tmp_path: Path, postgres_cluster: Cluster) -> None:  # noqa: F811
    await brief(tmp_path, "postgresql")


def entry(event: str = "viewed", **other: object) -> dict[str, object]:
    """An audit entry as exported."""
    return {"event": event, "correlation_id": "C", "patient": NUMBER, "emergency": True, "alert_id": "A", **other}


def found(*entries: dict[str, object], alerts: dict[str, str] | None = None) -> Evidence:
    """What a gateway might have on record."""
    return Evidence(entries=list(entries), alerts={"C": "A"} if alerts is None else alerts, said="1 entries: sound")


def received() -> Ledger:
    """One record in an emergency."""
    return Ledger(shown={"C": Shown(ASKED, whole=False)})


def test_what_is_on_record_is_in_order() -> None:
    good = found(entry("asked", alert_id=None), entry())
    assert checks.on_record(received(), good) == checks.alerted(received(), good) == checks.sound(good) == []


@pytest.mark.parametrize(
    "lost",
    [
        found(entry("asked")),
        found(entry("asked"), entry(patient=OTHER)),
        found(entry()),  # viewed and never asked
        found(entry("asked"), entry(), entry(correlation_id="D")),
    ],
)
def test_a_record_without_its_entry_is_seen(lost: Evidence) -> None:
    assert checks.on_record(received(), lost)


@pytest.mark.parametrize(
    "lost",
    [
        found(entry("asked"), entry(), alerts={}),
        found(entry("asked"), entry(alert_id=None), alerts={}),
        found(entry("asked"), entry(alert_id=None)),  # an alert that no entry names
        found(entry("asked"), entry(), entry(emergency=False, relationship="self-claimed", alert_id=None)),
    ],
)
def test_a_view_without_its_alert_is_seen(lost: Evidence) -> None:
    assert checks.alerted(received(), lost)


def test_a_broken_chain_is_seen() -> None:
    assert checks.sound(Evidence(entries=[], alerts={}, said="1 entries: NOT SOUND"))


@pytest.mark.parametrize("leak", [NUMBER, "999 200 0112", "eyJhbGciOi", "qqzzwwkk"])
def test_a_canary_is_seen_and_not_repeated(leak: str) -> None:
    words = checks.canaries({NUMBER}, {"qqzzwwkk"})
    assert checks.silent({"the log": b'{"event":"request"}'}, words) == []
    [sentence] = checks.silent({"the log": f"so {leak} it".encode()}, words)
    assert leak not in sentence


def test_another_patient_in_a_record_is_seen() -> None:
    ledger = Ledger()
    ledger.received(
        ASKED, "C", f"{NUMBER} 999\u00a0200\u00a00112 {SUPERSEDED_BY[:9]}X tel 01632 960001".encode(), whole=True
    )
    assert ledger.violations == []
    ledger.received(ASKED, "C", b"<id>999 200 0481</id>", whole=True)
    assert len(ledger.violations) == 1
    assert numbers_in(b"9992000481 9992000482 D4999-9992000481") == {OTHER}


@pytest.mark.parametrize(
    ("status", "headers", "wrong"),
    [
        (200, {"X-Correlation-ID": "C"}, 0),
        (200, {}, 1),
        (503, {"X-Correlation-ID": "C", "X-SCR-Code": "overloaded"}, 0),
        (503, {"X-Correlation-ID": "C"}, 1),
        (500, {"X-Correlation-ID": "C", "X-SCR-Code": "internal"}, 1),
    ],
)
def test_an_answer_without_a_code_is_seen(status: int, headers: dict[str, str], wrong: int) -> None:
    ledger = Ledger()
    ledger.answered(ASKED, "/itk", status, headers)
    assert len(ledger.violations) == wrong


@pytest.mark.parametrize(
    ("end", "wrong"),
    [
        (Count(tasks=9, callers=0, files=41, rss=1), 0),
        (Count(tasks=8, callers=1, files=40, rss=1), 1),
        (Count(tasks=80, callers=0, files=40, rss=1), 1),
        (Count(tasks=None, callers=0, files=80, rss=1), 2),
        (Count(tasks=8, callers=0, files=40, rss=1, database=110), 0),
        (Count(tasks=8, callers=0, files=40, rss=1, database=130), 1),
    ],
)
def test_a_leak_is_seen(end: Count, wrong: int) -> None:
    assert len(_grown(Count(tasks=8, callers=0, files=40, rss=1), end)) == wrong
