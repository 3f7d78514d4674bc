"""From an exchange to a result: a GP Summary becomes a record, anything else is explained by the gateway's own catalogue.

An answer that names no patient, or that is not about the message sent, is never a record.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vendor_stubs import summary_reader
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.findings import findings_of
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.calling.preparation import json_object
from vendor_stubs.calling.result import REMOVED, ViewResult, taken_back
from vendor_stubs.summary_withdrawn import withdrawn_entries
from vendor_stubs.xml import Element

SHOWN = "The record is shown."
_SLUG = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
_KINDS = frozenset({"refused", "no_record", "invalid", "unavailable"})


WARNINGS = "X-SCR-Access-Warnings"
_WARNINGS = {"training": "Your Summary Care Record training is not on record. Please complete it."}


@dataclass(frozen=True, kw_only=True)
class Explained:
    """What the gateway says about one of its codes; kind None where it does not know the code."""

    kind: str | None = None
    sentence: str | None = None
    next_step: str = ""


async def explain(calls: Calls, code: str | None) -> Explained:
    """GET /errors/{code}. Never fails: without an explanation the answer's own words are used."""
    if code is None or not _SLUG.fullmatch(code):
        return Explained()
    try:
        answer = await calls.wire.send("GET", f"{calls.gateway}/errors/{code}", headers={"Accept": "application/json"})
    except NoAnswer:
        return Explained()
    document = json_object(answer)
    kind, sentence, step = (document.get(name) for name in ("kind", "sentence", "next_step"))
    if answer.status != 200 or not isinstance(sentence, str):
        return Explained()
    return Explained(
        kind=kind if isinstance(kind, str) and kind in _KINDS else None,
        sentence=sentence,
        next_step=step if isinstance(step, str) else "",
    )


def record(
    exchange: Exchange, summary: Element, *, asked: str, wire_code: str | None, notices: tuple[str, ...] = ()
) -> ViewResult:
    """A GPSummary element -> the record, read by the stubs' own reader. Raises NoAnswer: it names no patient."""
    read = summary_reader.read_summary(summary)
    if read["active_content_removed"]:
        notices = (*notices, REMOVED)
    notices = (*notices, *map(taken_back, withdrawn_entries(summary)))
    return record_from(exchange, read, asked=asked, wire_code=wire_code, notices=notices)


def record_from(
    exchange: Exchange,
    read: Mapping[str, Any],
    *,
    asked: str,
    wire_code: str | None,
    notices: tuple[str, ...] = (),
) -> ViewResult:
    """A record in the contract's JSON shape -> the result. `asked` is the NHS number asked for. Raises NoAnswer."""
    number = read.get("nhs_number")
    if not isinstance(number, str) or not number:
        raise NoAnswer("the record shown does not say whose it is")
    return ViewResult(
        outcome="record",
        code="ok",
        wire_code=wire_code,
        sentence=SHOWN,
        correlation_id=exchange.correlation_id,
        record={**read, "requested_nhs_number": asked if number != asked else None},
        notices=(*notices, *(_WARNINGS.get(one, one) for one in exchange.headers.get(WARNINGS, "").split())),
    )


async def not_shown(
    calls: Calls,
    exchange: Exchange,
    *,
    wire_code: str | None,
    outcome: str | None,
    fallback: str,
    answer: Mapping[str, Any] | None = None,
) -> ViewResult:
    """Any answer without a record. `outcome` as the door's own code says, None: as the stable code's kind says, else failed.

    `fallback` is the sentence where the gateway explains nothing.
    """
    explained = await explain(calls, exchange.code)
    came_to = outcome or explained.kind or "failed"
    return ViewResult(
        outcome=came_to,
        code=exchange.code,
        wire_code=wire_code,
        sentence=explained.sentence or fallback,
        next_step=explained.next_step,
        rules=exchange.rules,
        correlation_id=exchange.correlation_id,
        answer=answer,
        findings=findings_of(exchange) if "invalid" in {came_to, explained.kind} else (),
    )
