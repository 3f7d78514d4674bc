"""Signed statements of how long every chain is and how it ends: what makes a cut tail or a missing chain show.

Each names the one its signer made before, so that none can be left out unseen. What was appended after the newest
checkpoint that is kept out of an intruder's reach can still be cut off unseen: keep them elsewhere (an Anchor).
"""

import asyncio
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, insert, select, update

from gateway.domain.instants import from_iso
from gateway.store.chain import Head, canonical, export_line, genesis, instant_text, link
from gateway.store.keys import AuditKeys
from gateway.store.raw import instant, number, raw, raws, text, whole
from gateway.store.tables import audit, audit_chain, audit_checkpoint

_PREFIX, _END = b"scr-checkpoint 1\n", b"scr-export 1\n"
ABANDONED = timedelta(days=1)
_SKEW = timedelta(minutes=5)
"""How far the clocks of processes on one database may be apart."""
_MOST_SEALED = 1000
"""Chains ended since the signer's last checkpoint that one checkpoint names, the newest first."""
_MOST_TOLD = 100
_MAC = re.compile("[0-9a-f]{64}")
EXPORTED = "audit export jsonl"
"""Operation of the entry that says that a verifiable export was made."""
COMMANDS = "command-line/"
"""Before the names of chains that commands begin; no host has a stroke in its name."""


class Anchor(Protocol):
    """Keeps checkpoints outside the database."""

    def keep(self, line: bytes) -> None:
        """Keeps one checkpoint, as a line of JSON. Raises OSError."""


@dataclass(frozen=True)
class AnchorFile:
    """Appends checkpoints to a file, each on disk before the next; best on another machine's disk.

    A line that was cut off, by a crash or a full disk, stays as it is: the next one begins on a line of its own.
    """

    path: Path

    def keep(self, line: bytes) -> None:
        """Appends one line, whole, and waits for the disk. Raises OSError."""
        descriptor = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        try:
            end = os.lseek(descriptor, 0, os.SEEK_END)
            left = memoryview(line if not end or os.pread(descriptor, 1, end - 1) == b"\n" else b"\n" + line)
            while left:  # a disk that fills up takes a part, and says so only to the next call
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One signed statement. `body` is canonical JSON: signer, number, at, key, previous, chains[{writer, length, mac}]."""

    body: str
    signature: str

    @property
    def values(self) -> dict[str, Any]:
        """The body, read. Raises ValueError where it is not JSON."""
        values = orjson.loads(self.body)
        if not isinstance(values, dict):
            raise ValueError("a checkpoint is a JSON object")  # noqa: TRY004 - bad bytes, not a bad type
        return values

    @property
    def digest(self) -> str:
        """By which the next one names it."""
        return hashlib.sha256(self.body.encode()).hexdigest()

    @property
    def line(self) -> bytes:
        """As exports and anchors keep it."""
        return export_line({"kind": "checkpoint", "body": self.body, "signature": self.signature})

    def signed_by(self, key: Ed25519PublicKey) -> bool:
        """Whether the signature is that key's over this body."""
        return _signed(key, self.signature, _PREFIX + self.body.encode())


def _signed(key: Ed25519PublicKey, signature: str, message: bytes) -> bool:
    """Whether these hex digits, in the one form they have, are that key's signature."""
    try:
        given = bytes.fromhex(signature)
        key.verify(given, message)
    except (InvalidSignature, ValueError):
        return False
    return given.hex() == signature


def end_line(entries: int, checkpoints: int, made: str, digest: str, keys: AuditKeys) -> bytes:
    """The last line of an export: what it counts, the entry that says it was `made`, and its maker's signature.

    `digest`: SHA-256 of all the bytes before.
    """
    stated = {"kind": "end", "entries": entries, "checkpoints": checkpoints, "made": made}
    stated |= {"sha256": digest, "key": keys.sign_id}
    return export_line({**stated, "signature": keys.sign.sign(_END + canonical(stated)).hex()})


def end_holds(line: Mapping[str, Any], publics: Mapping[str, Ed25519PublicKey]) -> bool:
    """Whether a last line is signed by one of these keys."""
    public = publics.get(str(line["key"]))
    stated = {name: value for name, value in line.items() if name != "signature"}
    return public is not None and _signed(public, str(line["signature"]), _END + canonical(stated))


def _bytes_of(body: Any) -> bytes:
    """What stands there, readable or not."""
    return body if isinstance(body, bytes) else text(body).encode()


class Alarm(Protocol):
    """Calls for an operator."""

    def __call__(self, alarm: str) -> None:
        """By the alarm's name."""


def _untold(alarm: str) -> None:
    """Where there is no operator: a command's own chain."""


class Signer:
    """Makes the checkpoints of one process; the series starts anew with each chain it writes."""

    def __init__(
        self,
        keys: AuditKeys,
        clock: Callable[[], datetime],
        anchor: Anchor | None,
        alarm: Alarm = _untold,
    ) -> None:
        self._keys, self._clock, self._anchor, self._alarm = keys, clock, anchor, alarm
        self._told: set[str] = set()
        self._last: Checkpoint | None = None
        self._made: Checkpoint | None = None

    def write(self, connection: Connection, own: Head, *, seal: bool) -> None:
        """Adds a checkpoint to the running transaction; `keep` adopts it once committed.

        It is over all open chains and those sealed since the signer's last one, or within a day before its first: a chain
        that a command began and ended in between is vouched for too.
        """
        now = self._clock()
        last = self._last if self._last is not None and self._last.values["signer"] == own.writer else None
        since = from_iso(last.values["at"]) - _SKEW if last else now - ABANDONED
        chains, abandoned = self._others(connection, own.writer, since, now)
        if own.length:
            chains.append(own)
        values = {
            "signer": own.writer,
            "number": last.values["number"] + 1 if last else 1,
            "at": instant_text(now),
            "key": self._keys.sign_id,
            "previous": last.digest if last else "",
            "chains": [{"writer": head.writer, "length": head.length, "mac": head.mac} for head in chains],
        }
        body = canonical(values)
        signature = self._keys.sign.sign(_PREFIX + body).hex()
        row = {"signer": own.writer, "number": values["number"], "at": now, "key_id": self._keys.sign_id}
        connection.execute(insert(audit_checkpoint), {**row, "body": body.decode(), "signature": signature})
        mine = update(audit_chain).where(audit_chain.c.writer == own.writer)
        connection.execute(mine.values(seen=now, sealed=seal))
        if abandoned:
            connection.execute(update(audit_chain).where(audit_chain.c.writer.in_(abandoned)).values(sealed=True))
        self._made = Checkpoint(body=body.decode(), signature=signature)

    async def keep(self) -> None:
        """Adopts what `write` made and hands it to the anchor. Raises OSError where the anchor cannot keep it."""
        made, self._made = self._made, None
        if made is None:
            return
        self._last = made
        if self._anchor is not None:
            await asyncio.to_thread(self._anchor.keep, made.line)

    def _others(self, connection: Connection, own: str, since: datetime, now: datetime) -> tuple[list[Head], list[str]]:
        """Heads of the other chains that are open or were sealed after `since`, and the open ones not seen for a day.

        A row that cannot be read is left out and told: one bad row must not end the vouching for all the others.
        """
        columns = raws((audit_chain.c.writer, audit_chain.c.seen), connection.dialect)
        others = select(*columns).where(audit_chain.c.writer != own)
        still = others.where(audit_chain.c.sealed.is_not(True)).order_by(audit_chain.c.writer)
        ended = others.where(audit_chain.c.sealed.is_(True), audit_chain.c.seen >= since)
        ended = ended.order_by(audit_chain.c.seen.desc()).limit(_MOST_SEALED)
        heads: list[Head] = []
        abandoned: list[str] = []
        for sealed, wanted in ((False, still), (True, ended)):
            for chain in connection.execute(wanted).all():
                writer, seen = text(chain.writer), instant(chain.seen)
                if not whole(chain.writer) or seen is None:
                    self._unreadable(writer)
                head = self._head_of(connection, writer) if whole(chain.writer) else None
                if head is not None:
                    heads.append(head)
                if not sealed and seen is not None and seen < now - ABANDONED:
                    abandoned.append(writer)
        return heads, abandoned

    def _head_of(self, connection: Connection, writer: str) -> Head | None:
        """Where that chain stands; None where it has no entry, or its last row is not one that was written there.

        What is signed here is missed for ever once it is gone: a row that somebody put in must not be signed.
        """
        columns = raws((audit.c.seq, audit.c.mac, audit.c.body), connection.dialect)
        last = select(*columns).where(audit.c.writer == writer).order_by(audit.c.seq.desc()).limit(2)
        found = connection.execute(last).all()
        if not found:
            return None
        seq, mac = number(found[0].seq), text(found[0].mac)
        if isinstance(seq, int) and _MAC.fullmatch(mac):
            before = text(found[1].mac) if found[1:] else genesis(writer, self._keys.mac)
            if (
                self._another(connection, writer)
                or link(writer, seq, before, _bytes_of(found[0].body), self._keys.mac) == mac
            ):
                return Head(writer, seq, mac)
        self._unreadable(writer)
        return None

    def _another(self, connection: Connection, writer: str) -> bool:
        """Whether this chain was written with a key from before, which signing does not need and so may not have."""
        key = select(raw(audit_chain.c.key_id, connection.dialect)).where(audit_chain.c.writer == writer)
        return text(connection.execute(key).scalar_one()) != self._keys.mac_id

    def _unreadable(self, writer: str) -> None:
        """Tells of it once, not at every checkpoint."""
        if writer not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(writer)
            self._alarm(alarm="audit-chain-unreadable")
