"""What the guides of every door that reads XML say in the same words: the words of a view, and how large a message may be.

`python -m tests.doors.shared_parts` writes these parts anew after a change of the lists or limits.
"""

import re
from collections.abc import Iterable

from gateway.domain.access import Purpose
from gateway.policy.settings import shipped
from gateway.teaching import LIMITS
from gateway.xml.parser import MOST_NAMESPACES
from tests.running import ROOT

DOORS = ("mini-service", "adastra", "cleo", "emis-web", "systmone")


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def words() -> str:
    """The purposes and settings that may be named, by the newest edition of the policy."""
    edition = max(shipped(), key=lambda one: one.effective)
    refused = set(edition.refused_purposes)
    return (
        f"`Purpose` is one of {_listed(one for one in Purpose if one not in refused)}; {_listed(one for one in Purpose if one in refused)}\n"
        "are on the list and always refused (`purpose-refused`). Any other word makes the message invalid: its finding\n"
        "(`access-fact`, or `value-form` where it is no word in small letters) names the list. Without it the system's registered purpose counts.\n"
        "\n"
        f"`Setting` is one of {_listed(edition.approved)}.\n"
        f"{_listed(edition.not_approved)} open only to an\n"
        "organisation with a proof of concept of its own; any other code is refused (`setting-unknown`, or `purpose-refused`\n"
        "where it names such a purpose), and what can be no code (capitals, hyphens, one letter) is invalid. By the edition\n"
        f"{edition.version} of the policy; see [the policy](../policy.md)."
    )


def limits(door: str) -> str:
    """How large a message of this door may be."""
    most = LIMITS[door]
    return (
        f"A message has at most {most.max_bytes // 1024} KiB, {most.max_nodes:,} nodes (elements, comments, CDATA sections), "
        f"{MOST_NAMESPACES} namespace declarations, {most.max_depth} levels and\n"
        f"{most.max_attributes} attributes at an element. A message may come compressed (`Content-Encoding: gzip` or `deflate`): the same\n"
        "limits hold for what comes out of it; any other encoding, and a body that is not whole, is refused\n"
        "(`message-media-type`, finding `content-encoding`). The answer is gzip where `Accept-Encoding` takes it."
    )


def written(page: str, door: str) -> str:
    """The page with both parts as they must be."""
    for name, text in (("words", words()), ("limits", limits(door))):
        begin, end = f"<!-- shared {name} -->", f"<!-- {name} end -->"
        assert page.count(begin) == page.count(end) == 1, (door, name)
        page = re.sub(rf"{begin}.*?{end}", lambda _, told=f"{begin}\n{text}\n{end}": told, page, flags=re.DOTALL)
    return page


if __name__ == "__main__":
    for one in DOORS:
        path = ROOT / "docs" / "doors" / f"{one}.md"
        path.write_text(written(path.read_text(encoding="utf-8"), one), encoding="utf-8")
