"""Reads the text files an operator writes, so that a byte that is not text is told with its line. Knows no format.

Must never read without a bound, nor quote what stands in a file.
"""

import os
import stat
from pathlib import Path

LARGEST = 16 * 1024 * 1024
"""Bytes; no file read here comes near it."""


class TextUnreadable(Exception):
    """The file cannot be read as text. `line`: of the first byte that is not UTF-8, where that is what is wrong."""

    def __init__(self, sentence: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {sentence}" if line else sentence)
        self.sentence, self.line = sentence, line


def _unwaiting(path: str, flags: int) -> int:
    """An opener that does not wait: a named pipe would keep it until somebody writes."""
    return os.open(path, flags | os.O_NONBLOCK)


def read_bytes(path: Path) -> bytes:
    """What a file holds. Raises TextUnreadable: not to be read, a pipe or device, larger than LARGEST."""
    try:
        with open(path, "rb", opener=_unwaiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise TextUnreadable("It is no file but a pipe or a device.")
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise TextUnreadable(f"It cannot be read ({os.strerror(error.errno or 0)}).") from error
    if len(data) > LARGEST:
        raise TextUnreadable(f"It is larger than {LARGEST // 1024 // 1024} MiB.")
    return data


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, its lines ended by LF as `Path.read_text` gives them, a byte order mark before it left out.

    Raises TextUnreadable: as `read_bytes`, or not UTF-8.
    """
    return text_of(read_bytes(path))


def text_of(data: bytes) -> str:
    """The same of bytes read already. Raises TextUnreadable."""
    if len(data) > LARGEST:
        raise TextUnreadable(f"It is larger than {LARGEST // 1024 // 1024} MiB.")
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        sentence = "This is not UTF-8: a letter here was written in another encoding. Save the file as UTF-8."
        raise TextUnreadable(sentence, data.count(b"\n", 0, error.start) + 1) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
