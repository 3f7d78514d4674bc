"""Where a node stands: XPaths with bound prefixes, and the plain ways to look into a tree.

Never guesses: `text_of` joins text across comments and processing instructions, so that a comment can hide no part of
a value.
"""

from collections.abc import Iterator
from typing import cast

from lxml import etree

from gateway.xml.names import PREFIX_OF, PREFIXES
from gateway.xml.spoken import name_may_be_said, namespace_may_be_said

Bindings = tuple[tuple[str, str], ...]


def is_element(node: etree._Element) -> bool:
    """Whether the node is an element, not a comment, processing instruction or entity."""
    return isinstance(node.tag, str)


def elements(parent: etree._Element, *tags: str) -> Iterator[etree._Element]:
    """Child elements in order, those named by `tags` (`{ns}local`) or all of them."""
    return (child for child in parent.iterchildren(*tags) if is_element(child))


def first(parent: etree._Element | None, *steps: str) -> etree._Element | None:
    """The first child along a chain of `{ns}local` steps, or None."""
    node = parent
    for step in steps:
        if node is None:
            return None
        node = next(node.iterchildren(step), None)
    return node


def text_of(element: etree._Element | None) -> str:
    """The element's own text, stripped of white space at its ends; comments do not cut it. Empty where there is none."""
    if element is None:
        return ""
    parts = [element.text or "", *(child.tail or "" for child in element if not is_element(child))]
    return "".join(parts).strip(" \t\r\n")


def has_stray_text(element: etree._Element) -> bool:
    """Whether text other than white space stands directly in the element: before, between or behind its children."""
    return any((text or "").strip(" \t\r\n") for text in (element.text, *(child.tail for child in element)))


def local_name(element: etree._Element) -> str:
    """The name without its namespace; empty for comments and processing instructions."""
    return etree.QName(element).localname if is_element(element) else ""


def namespace_of(element: etree._Element) -> str:
    """The namespace of the element's name; empty where there is none."""
    return (etree.QName(element).namespace or "") if is_element(element) else ""


def line_of(element: etree._Element) -> int | None:
    """1-based line the element's start tag ends on, or None for an element that was not parsed."""
    return cast("int | None", element.sourceline)


def path_of(element: etree._Element, attribute: str | None = None) -> tuple[str, Bindings]:
    """Absolute XPath of an element (or of its attribute, `{ns}local` or `local`) and the prefixes it uses.

    The path finds exactly this node: positions are written only where a sibling has the same name. A name that may not be said
    is `*` with the place among all siblings; such an attribute is `@*`.
    """
    bindings: dict[str, str] = {}
    steps: list[str] = []
    node: etree._Element | None = element
    while node is not None:
        steps.append(_step(node, bindings))
        node = node.getparent()
    path = "/" + "/".join(reversed(steps))
    if attribute is not None:
        name = etree.QName(attribute)
        path += "/@" + (_prefixed(name, bindings) if _said(name) else "*")
    return path, tuple(sorted(bindings.items()))


def _step(node: etree._Element, bindings: dict[str, str]) -> str:
    tag = node.tag
    if not _said(etree.QName(node)):
        return f"*[{sum(1 for one in node.itersiblings(preceding=True) if is_element(one)) + 1}]"
    name = _prefixed(etree.QName(node), bindings)
    before = sum(1 for _ in node.itersiblings(tag, preceding=True))
    if before or next(node.itersiblings(tag), None) is not None:
        return f"{name}[{before + 1}]"
    return name


def _said(name: etree.QName) -> bool:
    """A namespace that is not ours is written out with the name."""
    return name_may_be_said(name.localname) and (not name.namespace or namespace_may_be_said(name.namespace))


def _prefixed(name: etree.QName, bindings: dict[str, str]) -> str:
    if not name.namespace:
        return name.localname
    prefix = PREFIX_OF.get(name.namespace)
    if prefix is None:
        known = {uri: bound for bound, uri in bindings.items()}
        prefix = known.get(name.namespace) or f"n{sum(1 for bound in bindings if bound not in PREFIXES) + 1}"
    bindings[prefix] = name.namespace
    return f"{prefix}:{name.localname}"
