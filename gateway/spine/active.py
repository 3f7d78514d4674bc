"""Active content in a GP Summary: script, style, event attributes, remote references. Pure.

It must never change a document: rendering doors leave such content out, pass-through doors refuse the document (I8).
"""

from functools import lru_cache
from typing import Final

from lxml import etree

from gateway.xml.names import HL7, XSI

SILENT: Final = frozenset({"script", "style"})
"""Dropped with their text; the words inside every other element are kept."""
ACTIVE: Final = SILENT | frozenset(
    {
        "animate", "applet", "audio", "base", "bgsound", "button", "canvas", "embed", "form", "frame", "frameset",
        "iframe", "image", "img", "input", "link", "marquee", "math", "meta", "noscript", "object", "param", "portal",
        "select", "set", "slot", "source", "svg", "template", "textarea", "track", "use", "video",
    }
)  # fmt: skip
"""Elements that act, load, or have no place in a record's text."""
_URLS: Final = frozenset(
    {
        "action", "archive", "background", "cite", "classid", "code", "codebase", "data", "dynsrc", "formaction", "href",
        "icon", "longdesc", "lowsrc", "manifest", "ping", "poster", "profile", "src", "srcdoc", "srcset", "style",
        "usemap",
    }
)  # fmt: skip
_XSI_NAME: Final = f"{{{XSI}}}"

_HL7_TAG: Final = f"{{{HL7}}}"
_HARMLESS_TAGS: Final = (
    " a abbr b body br caption center col colgroup dd div dl dt em h1 h2 h3 h4 h5 h6 head hr html i li ol p pre small span "
    "strong sub sup table tbody td tfoot th thead title tr u ul "
)
_HARMLESS_ATTRIBUTES: Final = (
    " abbr align border class colspan headers id lang rowspan scope summary title type valign width "
)
_SUSPECT: Final = etree.XPath(
    "boolean(descendant::processing-instruction()) or boolean(descendant-or-self::*[not(self::hl7:*)]"
    f"[not(contains('{_HARMLESS_TAGS}', concat(' ', local-name(), ' ')))"
    f" or @*[not(contains('{_HARMLESS_ATTRIBUTES}', concat(' ', local-name(), ' ')))]])",
    namespaces={"hl7": HL7},
)
"""Whether anything stands there that is not plainly harmless, told in C: only then the whole document is looked through."""

_IN_HL7: Final = tuple(f"{_HL7_TAG}{name}" for tag in sorted(ACTIVE) for name in (tag, tag.upper(), tag.capitalize()))
"""Active element names in HL7's own namespace, where a browser would not act on them but nothing of the kind belongs."""

_HANDLERS: Final = etree.XPath("boolean(descendant-or-self::*/@*[starts-with(local-name(), 'on')])")
"""An event attribute on any element, HL7's too: none of its own names begins so."""


@lru_cache(maxsize=1024)
def kind_of(tag: str) -> str:
    """Lower-case local name of `{ns}local`; presentation text comes under any prefix and several namespaces."""
    return tag.rpartition("}")[2].lower()


@lru_cache(maxsize=1024)
def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def local_of(element: etree._Element) -> str:
    """Local name of an element, quickly: every element of a document is asked for it."""
    return _local(element.tag)


def is_active(page: etree._Element) -> bool:
    """Whether anything in this part of the presentation text is active: an element, an attribute, an instruction."""
    attributes: set[str] = set()
    tags = set()
    for element in page.iter():
        tags.add(element.tag)
        attributes.update(map(str, element.keys()))
    return any(_tag_acts(tag) for tag in tags) or any(_attribute_acts(name) for name in attributes)


def has_active_content(summary: etree._Element) -> bool:
    """Whether anything in a GPSummary is active: in its presentation text, or where markup has no business at all."""
    if next(summary.iter(*_IN_HL7), None) is None and not _SUSPECT(summary) and not _HANDLERS(summary):
        return False
    attributes: set[str] = set()
    tags = set()
    for element in summary.iter():
        tag = element.tag
        tags.add(tag)
        # HL7 has attributes of its own by the names HTML uses for addresses
        if isinstance(tag, str) and not tag.startswith(_HL7_TAG):
            attributes.update(map(str, element.keys()))
    return (
        any(_tag_acts(tag) for tag in tags)
        or any(_attribute_acts(name) for name in attributes)
        or bool(_HANDLERS(summary))
    )


def _tag_acts(tag: object) -> bool:
    """By element name; anything but an element or a comment is a processing instruction (or an entity, never read)."""
    return kind_of(tag) in ACTIVE if isinstance(tag, str) else tag is not etree.Comment


def _attribute_acts(name: str) -> bool:
    if name.startswith(_XSI_NAME):
        return False
    local = kind_of(name)
    return local in _URLS or local.startswith("on")
