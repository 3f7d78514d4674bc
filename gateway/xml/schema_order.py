"""The order of elements, by the sequences of a schema: libxml2 says what may come next, not where what came belongs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from gateway.xml.names import XSD, qname
from gateway.xml.paths import is_element, local_name, namespace_of


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where an element belongs among its siblings: behind `after`, where there is such a one, and before `before`."""

    before: etree._Element
    after: etree._Element | None = None


def places_of(sequence: etree._Element) -> dict[str, int]:
    """xs:sequence -> local name and place of each element in it; the branches of a choice share theirs.

    Empty for a sequence that may stand several times; a name that stands in it twice has no place.
    """
    if sequence.get("maxOccurs", "1") != "1":
        return {}
    named = [(place, _name(one)) for place, part in enumerate(sequence) for one in _particles(part)]
    names = [name for _, name in named]
    return {name: place for place, name in named if names.count(name) == 1}


def _name(element: etree._Element) -> str:
    return str(element.get("name") or element.get("ref", "")).rpartition(":")[2]


def _particles(part: etree._Element) -> Iterator[etree._Element]:
    """The elements of a part of a sequence, at any depth of groups, but not within an element."""
    if part.tag == qname(XSD, "element"):
        yield part
    elif part.tag in {qname(XSD, "choice"), qname(XSD, "sequence")}:
        for inner in part:
            yield from _particles(inner)


def misplaced(node: etree._Element, orders: Sequence[Mapping[str, int]]) -> Place | None:
    """Where a node belongs that stands behind a sibling it must come before by every order that holds both; else None.

    A node whose like stands before it is no such one: it is one too many.
    """
    before = [one for one in node.itersiblings(preceding=True) if is_element(one)]
    if not before or any(one.tag == node.tag for one in before) or namespace_of(before[0]) != namespace_of(node):
        return None
    name = local_name(node)
    fitting = [order for order in orders if name in order and local_name(before[0]) in order]
    if not fitting or any(all(order.get(local_name(one), -1) <= order[name] for one in before) for order in fitting):
        return None
    order = fitting[0]
    family = [*reversed(before), *(one for one in node.itersiblings() if is_element(one))]
    onto = next(one for one in family if order.get(local_name(one), -1) > order[name])
    earlier = [one for one in family if order.get(local_name(one), order[name]) < order[name]]
    return Place(before=onto, after=max(earlier, key=lambda one: order[local_name(one)], default=None))
