"""Where things stand in a TOML text: table and key paths -> line numbers, for people who must mend the file.

tomllib tells no lines, so this reads the text's outline again. It decides nothing: a path it does not know is told by the nearest
table around it.
"""

import re
from collections import Counter

Path = tuple[str | int, ...]
"""Keys and array positions from the top, such as ("system", 3, "asid")."""

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\Z)|\'\'\'.*?(?:\'\'\'|\Z)|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]


def _blanked(text: str) -> str:
    """The text with strings and comments emptied, line for line, so that brackets in them do not count."""
    return _STRING.sub(lambda match: re.sub(r"[^\n]", "_", match[0]), text)


class Lines:
    """The outline of one TOML text."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        counts: Counter[Path] = Counter()
        table: Path = ()
        depth = 0
        plain = _blanked(text).split("\n")  # TOML ends lines at LF alone, splitlines() at more
        for number, (line, bare) in enumerate(zip(text.split("\n"), plain, strict=True), start=1):
            if depth == 0 and (header := _HEADER.match(line)) and bare.lstrip().startswith("["):
                table = self._table(header[1], _parts(header[2]), counts)
                self._lines.setdefault(table, number)
                continue
            if depth == 0 and (key := _KEY.match(line)):
                self._lines.setdefault((*table, *_parts(key[1])), number)
            depth = max(0, depth + sum(bare.count(mark) for mark in "[{") - sum(bare.count(mark) for mark in "]}"))

    @staticmethod
    def _table(bracket: str, parts: list[str], counts: Counter[Path]) -> Path:
        path: Path = ()
        for at, part in enumerate(parts):
            path = (*path, part)
            if bracket == "[[" and at == len(parts) - 1:
                counts[path] += 1
            if counts[path]:
                path = (*path, counts[path] - 1)
        return path

    def find(self, path: Path) -> int | None:
        """The line of a path, or of the nearest thing around it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return None
