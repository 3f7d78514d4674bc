"""A browser without a screen: pages read as trees, forms filled in, redirects followed one by one. Knows the gateway only by what it serves.

Used by the stubs of systems whose users look at the gateway's own pages. Never runs a script, never leaves loopback by itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from lxml import etree, html

from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.xml import Element

FORM = "application/x-www-form-urlencoded"
MOST_REDIRECTS = 10
OPENING = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
"""What a browser says of a page it opens (Fetch Metadata)."""
_PARSER_SETTINGS: dict[str, Any] = {"huge_tree": False, "no_network": True, "encoding": "utf-8"}


@dataclass(frozen=True, kw_only=True)
class Page:
    """Where the browser is: the last exchange and its HTML."""

    exchange: Exchange
    tree: Element | None = field(repr=False)

    @property
    def path(self) -> str:
        """The path of the address."""
        return urlsplit(self.exchange.url).path

    def find(self, xpath: str) -> list[Any]:
        """Elements or values by XPath; none where the answer is no HTML."""
        if self.tree is None:
            return []
        return select(self.tree, xpath)

    def form(self, action: str) -> "dict[str, str]":
        """Hidden fields of the form with this action. Raises NoAnswer where the page has none."""
        forms = [form for form in self.find("//form") if form.get("action") == action]
        if not forms:
            raise NoAnswer(f"the page at {self.path} has no form for {action}")
        return {one.get("name"): one.get("value", "") for one in forms[0].iter("input") if one.get("type") == "hidden"}


def select(element: Element, xpath: str) -> list[Any]:
    """What an XPath that names nodes or values finds."""
    found = element.xpath(xpath)
    return list(found) if isinstance(found, list) else []


class Browser:
    """Walks pages of the gateway and the identity service, keeping cookies."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.state: str | None = None
        """The `state` of the last authorization request it was sent with."""

    async def get(self, path: str) -> Page:
        """GET, redirects followed. Raises NoAnswer."""
        return await self._follow("GET", urljoin(self._calls.gateway, path), b"")

    async def post(self, page: Page, action: str, fields: Mapping[str, str | None]) -> Page:
        """Sends the page's form for `action` with these fields beside its hidden ones. Raises NoAnswer."""
        filled = {**page.form(action), **{name: value for name, value in fields.items() if value is not None}}
        return await self._follow("POST", urljoin(page.exchange.url, action), urlencode(filled).encode())

    async def bring(self, address: str, fields: Mapping[str, str]) -> Page:
        """A form of another site's page, posted here by the browser. Raises NoAnswer."""
        return await self._follow("POST", urljoin(self._calls.gateway, address), urlencode(fields).encode())

    async def _follow(self, method: str, url: str, body: bytes) -> Page:
        for _ in range(MOST_REDIRECTS):
            if urlsplit(url).hostname != urlsplit(self._calls.gateway).hostname:
                raise NoAnswer("a page leads to another host")
            if urlsplit(url).path == "/authorize":
                self.state = dict(parse_qsl(urlsplit(url).query)).get("state")
            headers = OPENING | ({"Content-Type": FORM} if method == "POST" else {})
            exchange = await self._calls.send_to_door(method, url, headers=headers, body=body)
            if exchange.status not in {301, 302, 303, 307}:
                return Page(exchange=exchange, tree=read_html(exchange))
            method, url, body = "GET", urljoin(url, exchange.headers.get("Location", "")), b""
        raise NoAnswer("the pages redirect without end")


def read_html(exchange: Exchange) -> Element | None:
    """The answer's HTML; None where it is none."""
    if not exchange.headers.get("Content-Type", "").startswith("text/html") or not exchange.body.strip():
        return None
    try:
        tree: Element = html.document_fromstring(exchange.body, parser=html.HTMLParser(**_PARSER_SETTINGS))
    except (etree.LxmlError, ValueError) as error:
        raise NoAnswer("a page is not HTML") from error
    return tree


def text_of(element: Element) -> str:
    """All text within, as it stands."""
    return "".join(str(part) for part in element.itertext())


def record_of(page: Page) -> dict[str, Any] | None:
    """The record a page shows, in the contract's JSON shape; None where it shows none."""
    found = page.find("//*[@data-record]")
    if not found:
        return None
    shown = found[0]

    def one(name: str) -> Element | None:
        marked = select(shown, f".//*[@{name}]")
        return marked[0] if marked else None

    created, author, practice = one("data-created"), one("data-author"), one("data-practice")
    additional = one("data-additional")
    numbers = page.find("//*[@data-nhs-number]/@data-nhs-number")
    return {
        "nhs_number": str(numbers[0]) if numbers else None,
        "created": created.get("data-created") if created is not None else None,
        "author": text_of(author) if author is not None else None,
        "practice": text_of(practice) if practice is not None else None,
        "document_statements": [
            {"kind": str(row.get("data-statement")), "text": text_of(select(row, ".//*[@data-statement-text]")[0])}
            for row in select(shown, ".//*[@data-statement]")
        ],
        "additional_information": additional is not None and additional.get("data-additional") == "true",
        "sections": [_section(row) for row in select(shown, ".//*[@data-section]")],
    }


def _section(element: Element) -> dict[str, Any]:
    title = select(element, "./*[@data-title]")
    return {
        "id": element.get("data-id"),
        "title": text_of(title[0]) if title else None,
        "blocks": [_block(row) for row in select(element, ".//*[@data-block]")],
    }


def _block(element: Element) -> dict[str, Any]:
    if element.get("data-block") == "text":
        return {"kind": "text", "text": text_of(element), "caption": None, "columns": [], "rows": []}
    caption = select(element, "./*[@data-caption]")
    return {
        "kind": "table",
        "text": "",
        "caption": text_of(caption[0]) if caption else None,
        "columns": [text_of(cell) for cell in select(element, ".//*[@data-column]")],
        "rows": [
            ["" if cell.get("data-cell") == "blank" else text_of(cell) for cell in select(row, "./*[@data-cell]")]
            for row in select(element, ".//*[@data-row]")
        ],
    }


def problems_of(page: Page) -> tuple[str, ...]:
    """What a form that came back says is wrong in it, one by one."""
    listed = page.find("//*[contains(@class, 'nhsuk-error-summary__list')]/li")
    return tuple(re.sub(r"\s+", " ", text_of(one)).strip() for one in listed)


def sentence_of(page: Page) -> str:
    """What a page without a record says: its refusal, its error summary, or its heading."""
    for xpath in ("//*[@data-sentence]", "//*[contains(@class, 'nhsuk-error-summary__list')]", "//h1"):
        found = page.find(xpath)
        if found:
            return re.sub(r"\s+", " ", text_of(found[0])).strip()
    return f"The gateway answered with HTTP {page.exchange.status}."
