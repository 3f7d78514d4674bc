"""What keeps a sandbox's folder and ports its own: it takes none that is another's, and none from one that runs."""

import fcntl
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"
ANCHOR = "anchor.jsonl"
"""File that keeps every signed checkpoint apart from the database."""
MARK = "# Written by `scr-gateway sandbox`; made anew at every start."
"""First line of the settings and of the lock: by it a folder is known as a sandbox's own."""
DATABASE = ("gateway.sqlite", "gateway.sqlite-wal", "gateway.sqlite-shm")
MADE = (*DATABASE, ANCHOR, "gateway.toml", "registry.toml", "training.csv", "keys", "certs", "mail", "lock")
"""Everything a sandbox makes in its folder."""


WITHOUT_KEYS = "the audit in this folder was written with its keys: put them back, or forget both (--fresh)"


class SandboxFault(RuntimeError):
    """The sandbox cannot start; the text says what to do."""


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Keeps a second sandbox out of the same folder, and a sandbox out of a folder that is not its own. Raises SandboxFault."""
    if (foreign := _foreign(data)) is not None:
        raise SandboxFault(f"{data}: {foreign} there was made by no sandbox: choose another --data-dir")
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SandboxFault(f"{data.name} is in use by another sandbox: choose another --data-dir") from error
        if not file.tell():
            file.write(f"{MARK}\n")
            file.flush()
        yield


def _foreign(data: Path) -> str | None:
    """What stands where a sandbox would write, though none has been here; None in a sandbox's own folder and in a free one."""
    if data == data.parent:
        return "what is"
    for name in ("lock", "gateway.toml"):
        with suppress(OSError, UnicodeDecodeError), (data / name).open(encoding="utf-8") as file:
            if file.readline().rstrip("\n") == MARK:
                return None
    return next((name for name in MADE if (data / name).exists() or (data / name).is_symlink()), None)


def refuse_taken(ports: Iterable[int]) -> None:
    """Raises SandboxFault where one of the ports has its listener already: before anything is written or forgotten."""
    for port in ports:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError as error:
                raise SandboxFault(
                    f"port {port} is in use by another program: choose another --port-base; a sandbox takes seven ports from it on"
                ) from error


def remove(data: Path) -> None:
    """Forgets an earlier sandbox's state, in a folder that is known as a sandbox's own and kept from all others."""
    for name in (*DATABASE, ANCHOR, "registry.toml", "gateway.toml"):
        (data / name).unlink(missing_ok=True)
    for folder in ("keys", "certs/clients", "certs"):
        for file in sorted((data / folder).glob("*")):
            if file.is_file():
                file.unlink()
        with suppress(OSError):
            (data / folder).rmdir()
