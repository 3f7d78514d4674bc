"""Structured logs: one JSON line an event, keys from an allow-list, nothing about patients ever (I5).

A value that is not plainly safe is replaced by a marker; exceptions are logged as type and place, never with their text or locals.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

# fmt: off
ALLOWED = frozenset((
    "event", "level", "timestamp", "logger", "correlation_id", "door", "system", "outcome", "code", "status", "ms",
    "method", "route", "listener", "worker", "pid", "address", "port", "path", "version", "rules", "reason",
    "state", "count", "interval", "interaction", "attempt", "seconds", "queue", "batch", "exception", "where",
    "alarm", "database", "url_scheme", "certificate", "fault", "missing", "signal", "mode", "command", "result",
    "size", "endpoint",
))
# fmt: on
"""Keys a line may have. `path` is a file of this installation or a route's pattern, never a request's path."""

_TEN_DIGITS = re.compile(r"\d{3}[ -]?\d{3}[ -]?\d{4}")
_TOKEN = re.compile(r"eyJ[\w-]{10,}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)


def _safe(value: Any) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1_000_000_000 else "[number]"
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_safe(item) for item in value]
    if not isinstance(value, str):
        return f"[{type(value).__name__}]"
    return _TOKEN.sub("[token]", _TEN_DIGITS.sub("[digits]", value))[:500]


def _places(error: BaseException) -> list[str]:
    """Where an exception was raised, innermost last: file and line, no text, no locals."""
    places, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}:{code.co_name}")
        trace = trace.tb_next
    return places[-12:]


def _exceptions(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """exc_info -> type names along the cause chain and the places; the message may quote a caller's bytes."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        chain: list[str] = []
        places = _places(error)
        cause: BaseException | None = error
        while cause is not None and len(chain) < 6:
            chain.append(type(cause).__name__)
            places = _places(cause) or places
            cause = cause.__cause__ or cause.__context__
        event["exception"], event["where"] = chain, places
    return event


def allow_listed(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keeps allowed keys with safe values; names what it dropped, so that nobody wonders."""
    kept = {key: _safe(value) for key, value in event.items() if key in ALLOWED}
    correlation = event.get("correlation_id")
    if isinstance(correlation, str) and _UUID.fullmatch(correlation):
        # one UUID in thirty has ten digits in a row; with them gone nobody finds the line of the answer he holds
        kept["correlation_id"] = correlation
    dropped = sorted(set(event) - ALLOWED - {"_record", "_from_structlog"})
    if dropped:
        kept["missing"] = [name[:40] for name in dropped]
    return kept


def _json(event: Any, **_: Any) -> str:
    return orjson.dumps(event).decode()


def configure(level: str = "INFO") -> None:
    """Sets logging up once for the process: structlog and the standard library through the same processors, to stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exceptions,
        allow_listed,
    ]
    structlog.configure(
        processors=[*shared[:3], structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *shared[3:],
                structlog.processors.JSONRenderer(serializer=_json),
            ],
            foreign_pre_chain=[*shared[:3], _foreign],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiohttp.access", "zeep", "asyncio", "sqlalchemy.engine", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _foreign(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A library's own line: its text may quote anything, so only the logger's name and the exception's type are kept."""
    record = event.get("_record")
    name = getattr(record, "name", "library")
    event["event"] = f"library message ({name})"
    return event


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
