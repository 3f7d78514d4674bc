"""The words of a presentation text: how they are squeezed and flattened, what is active, which ones are statements.

Element names are matched by local name in lower case, whatever the namespace. Must never return markup.
"""

import re
from collections.abc import Iterator

from vendor_stubs.xml import Element, local_name

_SPACE = re.compile(r"[ \t\r\n]+")
BLOCKS = frozenset({"table", "ul", "ol", "p", "h1", "h2", "h3", "h4", "h5", "h6", "div"})
_BOUNDARIES = BLOCKS | {
    "li",
    "td",
    "th",
    "tr",
    "caption",
    "br",
    "hr",
    "dt",
    "dd",
    "pre",
    "address",
    "blockquote",
    "section",
}
WORDLESS = frozenset({"script", "style"})  # their text is code, not words
_ACTIVE = WORDLESS | {
    "object",
    "embed",
    "frame",
    "iframe",
    "img",
    "audio",
    "video",
    "applet",
    "noscript",
    "template",
    "svg",
    "math",
    "link",
    "meta",
    "base",
    "form",
    "input",
    "button",
    "select",
    "textarea",
}
_ACTIVE_ATTRIBUTES = frozenset(
    {"style", "href", "src", "srcset", "action", "formaction", "data", "background", "poster", "ping"}
)
_WITHHELD = frozenset({"withheldcreitemsheaderstatement", "withheldcreitemsstatement", "withheditemsstatment"})
_REFUSED = (
    "refused consent for upload to national shared electronic record",
    "following discussion with a member of the practice staff this patient has chosen not to store their clinical information",
    "patient has chosen not to have a summary care record",
)
_NO_DATA = "the practice holds no significant data on this patient"


def squeezed(text: str) -> str:
    """Runs of space, tab, CR and LF as one space, none at the ends; every other character untouched."""
    return _SPACE.sub(" ", text).strip(" ")


def kind_of(element: Element) -> str:
    """Local name in lower case; empty for comments and processing instructions."""
    return local_name(element).lower()


def identifier(element: Element) -> str | None:
    """The id attribute, None when absent."""
    return element.get("id")


def children(element: Element) -> Iterator[Element]:
    """Child elements."""
    return (child for child in element if kind_of(child))


def flat_text(element: Element) -> str:
    """All words of an element in order, block boundaries and line breaks as spaces, code left out."""
    return squeezed("".join(_pieces(element)))


def _pieces(element: Element) -> Iterator[str]:
    kind = kind_of(element)
    if not kind or kind in WORDLESS:
        return
    boundary = " " if kind in _BOUNDARIES else ""
    yield boundary
    yield element.text or ""
    for child in element:
        yield from _pieces(child)
        yield child.tail or ""
    yield boundary


def has_active_content(html: Element) -> bool:
    """Whether there is an element or attribute that a careful reader drops: one that acts, or refers elsewhere."""
    return any(_is_active(element) for element in html.iter())


def _is_active(element: Element) -> bool:
    if not kind_of(element):
        return False
    names = [str(name).rpartition("}")[2].lower() for name in element.attrib]
    return kind_of(element) in _ACTIVE or any(name.startswith("on") or name in _ACTIVE_ATTRIBUTES for name in names)


def holds_blocks(element: Element) -> bool:
    """Whether a block stands anywhere inside, so that flattening would blur it."""
    return any(kind_of(inner) in BLOCKS for inner in element.iterdescendants())


def statements_of(html: Element) -> list[dict[str, str]]:
    """The statements that change what the document means, in order, each text once: [{kind, text}]."""
    told: dict[str, str] = {}
    for element in html.iter():
        kind = _statement_kind(element)
        if kind:
            told.setdefault(flat_text(element), kind)
    return [{"kind": kind, "text": text} for text, kind in told.items() if text]


def _statement_kind(element: Element) -> str:
    tag = kind_of(element)
    if not tag:
        return ""
    marked = (identifier(element) or "").lower()
    if marked in _WITHHELD:
        return "withheld"
    if marked == "registrationstartedstatement":
        return "recently registered"
    if marked == "nodatastatement" or (tag == "h3" and _NO_DATA in flat_text(element).lower()):
        return "holds no data"
    if tag in {"td", "h1", "h2", "h3", "p"} and any(words in flat_text(element).lower() for words in _REFUSED):
        return "refused storage"
    return "highlighted" if "HighlightedStatement" in (element.get("class") or "").split() else ""
