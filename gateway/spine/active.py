"""Active content in a GP Summary: script, style, event attributes, remote references. Pure.

It must never change a document: rendering doors leave such content out, pass-through doors refuse the document (I8).
"""

from functools import lru_cache
from typing import Final

from lxml import etree

from gateway.xml.names import HL7, XSI
from gateway.xml.paths import is_element

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
_HL7_TAG: Final = f"{{{HL7}}}"
_XSI_NAME: Final = f"{{{XSI}}}"


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


def is_active(element: etree._Element) -> bool:
    """Whether an element of the presentation text is active, or carries an attribute that is."""
    if not is_element(element):
        return callable(element.tag) and element.tag is not etree.Comment  # a processing instruction
    return kind_of(element.tag) in ACTIVE or any(_acts(str(name)) for name in element.keys())  # noqa: SIM118 - lxml has no iteration over names


def has_active_content(summary: etree._Element) -> bool:
    """Whether anything in a GPSummary is active: in its presentation text, or where markup has no business at all."""
    return any(_acts_in_summary(element) for element in summary.iter())


def _acts_in_summary(element: etree._Element) -> bool:
    if not is_element(element) or not element.tag.startswith(_HL7_TAG):
        return is_active(element)
    # HL7 has attributes of its own by the names HTML uses for addresses
    handler = any(kind_of(str(name)).startswith("on") for name in element.keys())  # noqa: SIM118 - as above
    return handler or kind_of(element.tag) in ACTIVE


def _acts(name: str) -> bool:
    if name.startswith(_XSI_NAME):
        return False
    local = kind_of(name)
    return local in _URLS or local.startswith("on")
