"""A message as text with the place of every tag and attribute in it, and what keeps it from being well-formed XML."""

from bisect import bisect_right
from dataclasses import dataclass, field

from gateway.xml.faults import Fault


@dataclass(frozen=True, slots=True)
class Problem:
    """One break of well-formedness at an offset of the text. `found` is markup, never a value."""

    fault: Fault
    offset: int
    expected: str = ""
    found: str = ""
    fragment: str = ""


@dataclass(slots=True, eq=False)
class Tag:
    """One start tag: name as written, offsets of its `<`, of its attributes' names, of its end tag and of its first
    text; and where it stands among the others.
    """

    name: str
    start: int
    parent: "Tag | None" = None
    nth: int = 1
    """Its place among the children of its parent that have its name, as written; from 1."""
    place: int = 1
    """The same among all of them."""
    attributes: dict[str, int] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    """Namespaces it declares by their prefixes, the default one by an empty one."""
    named: dict[str, int] = field(default_factory=dict)
    """How many children of each name it has, and in `many` how many in all."""
    many: int = 0
    close: int | None = None
    ended: int | None = None
    """Offset behind the element; None where it never ends."""
    text: int | None = None
    cdata: bool = False


@dataclass(slots=True)
class Source:
    """The result of a scan: tags in document order, problems in text order, and the text with harmless repairs.

    `broken` is set where the text cannot be parsed even after the repairs.
    """

    text: str
    tags: list[Tag] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    broken: bool = False
    typed: bool = False
    """Whether a document type declaration stands before the root."""
    hidden: bool = False
    """Whether entities stand in the text that the declaration may define: what they mean is not known here."""
    repairs: list[tuple[int, int, str]] = field(default_factory=list)

    def position(self, offset: int) -> tuple[int, int]:
        """Offset -> (line, column), both from 1, in characters."""
        return self.text.count("\n", 0, offset) + 1, offset - self.text.rfind("\n", 0, offset)

    def within(self, offset: int) -> Tag | None:
        """The innermost element that an offset stands in, its tags included; None outside the root."""
        last = bisect_right(self.tags, offset, key=lambda tag: tag.start) - 1
        tag = self.tags[last] if last >= 0 else None
        while tag is not None and tag.ended is not None and tag.ended <= offset:
            tag = tag.parent
        return tag

    @property
    def repaired(self) -> str:
        """The text after the repairs: same length, every other character where it was."""
        characters = list(self.text)
        for begin, end, new in self.repairs:
            characters[begin:end] = new.ljust(end - begin)[: end - begin]
        return "".join(characters)
