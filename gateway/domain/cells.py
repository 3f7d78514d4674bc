"""What a cell of a CSV report may hold: free text in it is somebody's own, and spreadsheets act on some of it."""

import re

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
"""Those by number are full-width: East Asian spreadsheets read them as the first four."""
TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that turn the direction of what follows them (Unicode UAX 9), so that a row reads as another one."""


def named(text: str) -> str:
    """The text with its characters that turn the direction of writing named (`[U+202E]`) instead of written."""
    return TURNS.sub(lambda match: f"[U+{ord(match[0]):04X}]", text)


def safe_cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula: such text gets an apostrophe in front.

    Characters that turn the direction of writing are named (`[U+202E]`) instead of written.
    """
    text = named("" if value is None else str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text
