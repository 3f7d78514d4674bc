"""SOAP the way a stock client speaks it: zeep, reading the WSDL that the gateway serves, over the stubs' own HTTP.

WSDL and schemas come from the gateway's own address only, all fetched before zeep sees the first; zeep itself opens no
connection. WS-Addressing and WS-Security are written here, because zeep's own write them twice or not whole.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import zeep
import zeep.exceptions
from lxml import etree
from zeep.plugins import Plugin
from zeep.proxy import AsyncServiceProxy
from zeep.transports import Transport
from zeep.wsdl.bindings.soap import Soap11Binding, Soap12Binding

from vendor_stubs import xml
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.xml import Element, add, qname

WSA = "http://www.w3.org/2005/08/addressing"
WSA_ANONYMOUS = "http://www.w3.org/2005/08/addressing/anonymous"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
BASE64_BINARY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
XSD = "http://www.w3.org/2001/XMLSchema"
WSDL = "http://schemas.xmlsoap.org/wsdl/"

LIFETIME = timedelta(minutes=5)
_MOST_DOCUMENTS = 60
_LINKS = {
    qname(XSD, "include"): "schemaLocation",
    qname(XSD, "import"): "schemaLocation",
    qname(XSD, "redefine"): "schemaLocation",
    qname(WSDL, "import"): "location",
}


@dataclass(frozen=True, kw_only=True)
class Headers:
    """What the stub writes into the SOAP header of one message."""

    message_id: str
    to: str
    reply_to: str | None = WSA_ANONYMOUS
    created: datetime | None = None
    """Aware; None: no wsu:Timestamp."""
    timestamp_id: str | None = None
    username: str | None = None
    security: tuple[Element, ...] = ()
    """Tokens and assertions, in order, behind the time stamp and the username."""
    blocks: tuple[Element, ...] = ()
    """Any other header blocks, such as AccessFacts."""
    addressed: bool = True
    """Whether the message carries WS-Addressing headers."""
    signed: Callable[[Element], None] | None = field(default=None, repr=False)
    """Changes the finished envelope just before it is sent: where a signature is made."""


class _Addressing(Plugin):
    """WS-Addressing 1.0 headers, once: any that zeep wrote by itself are replaced."""

    def __init__(self, headers: Headers) -> None:
        self.headers = headers

    def egress(self, envelope: Element, http_headers: Any, operation: Any, binding_options: Any) -> tuple[Element, Any]:  # noqa: ARG002 - zeep's signature
        header = _soap_header(envelope)
        for block in list(header):
            if xml.namespace_of(block) == WSA:
                header.remove(block)
        action = operation.abstract.wsa_action or operation.soapaction
        written = [("MessageID", self.headers.message_id), ("Action", action), ("To", self.headers.to)]
        for at, (name, text) in enumerate(written):
            element = etree.Element(qname(WSA, name), nsmap={"wsa": WSA})
            element.text = text
            header.insert(at, element)
        if self.headers.reply_to is not None:
            reply = etree.Element(qname(WSA, "ReplyTo"), nsmap={"wsa": WSA})
            add(reply, "Address", self.headers.reply_to)
            header.insert(len(written), reply)
        return envelope, http_headers


class _Security:
    """wsse:Security with time stamp, username and tokens. Answers carry none, so none is verified."""

    def __init__(self, headers: Headers) -> None:
        self.headers = headers

    def apply(self, envelope: Element, http_headers: Any) -> tuple[Element, Any]:
        said = self.headers
        if said.created is not None or said.username is not None or said.security:
            block = security_block(said)
            _soap_header(envelope).append(block)
        if said.signed is not None:
            said.signed(envelope)
        return envelope, http_headers

    def verify(self, envelope: Element) -> Element:
        return envelope


def security_block(said: Headers) -> Element:
    """The wsse:Security element of a message."""
    block = etree.Element(qname(WSSE, "Security"), nsmap={"wsse": WSSE, "wsu": WSU})
    if said.created is not None:
        stamp = etree.SubElement(block, qname(WSU, "Timestamp"))
        if said.timestamp_id is not None:
            stamp.set(qname(WSU, "Id"), said.timestamp_id)
        add(stamp, "Created", wire_time(said.created))
        add(stamp, "Expires", wire_time(said.created + LIFETIME))
    if said.username is not None:
        add(add(block, "UsernameToken"), "Username", said.username)
    block.extend(copy.deepcopy(token) for token in said.security)
    return block


def binary_token(value: str, value_type: str) -> Element:
    """A wsse:BinarySecurityToken with a value that is base64 already."""
    token = etree.Element(qname(WSSE, "BinarySecurityToken"), nsmap={"wsse": WSSE})
    token.set("ValueType", value_type)
    token.set("EncodingType", BASE64_BINARY)
    token.text = value
    return token


def wire_time(moment: datetime) -> str:
    """An aware instant as WS-Security writes it, in UTC to the millisecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _soap_header(envelope: Element) -> Element:
    namespace = xml.namespace_of(envelope)
    header = envelope.find(qname(namespace, "Header"))
    if header is None:
        header = etree.Element(qname(namespace, "Header"))
        envelope.insert(0, header)
    return header


class _Transport(Transport):
    """Gives zeep the documents fetched beforehand, and carries its messages over the stubs' own HTTP."""

    def __init__(self, calls: Calls, documents: Mapping[str, bytes]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._calls = calls
        self._documents = documents
        self.exchange: Exchange | None = None

    def _load_remote_data(self, url: str) -> bytes:
        if url not in self._documents:
            raise NoAnswer("the WSDL refers to a document that is not the gateway's own")
        return self._documents[url]

    async def post_xml(self, address: str, envelope: Element, headers: Mapping[str, str]) -> Any:
        body = etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)
        self.exchange = exchange = await self._calls.send_to_door("POST", address, headers=headers, body=body)
        return SimpleNamespace(
            status_code=exchange.status, content=exchange.body, headers=exchange.headers, encoding="utf-8"
        )


async def fetch_documents(calls: Calls, address: str) -> dict[str, bytes]:
    """A WSDL and everything it includes or imports, by address; all of one origin. Raises NoAnswer."""
    origin = urlsplit(address)[:2]
    documents: dict[str, bytes] = {}
    waiting = [address]
    while waiting:
        url = waiting.pop()
        if url in documents:
            continue
        if urlsplit(url)[:2] != origin or len(documents) >= _MOST_DOCUMENTS:
            raise NoAnswer("the WSDL refers to documents elsewhere, or to too many")
        answer = await calls.wire.send("GET", url, headers={"Accept": "text/xml, application/wsdl+xml"})
        if answer.status != 200:
            raise NoAnswer(f"the WSDL at {urlsplit(address).path} is not served (HTTP {answer.status})")
        documents[url] = answer.body
        try:
            root = xml.parse(answer.body)
        except xml.NotXml as error:
            raise NoAnswer(f"the WSDL at {urlsplit(address).path} cannot be read: {error}") from error
        for element in root.iter(*_LINKS):
            location = element.get(_LINKS[str(element.tag)])
            if location:
                waiting.append(urljoin(url, location))
    return documents


class SoapCaller:
    """zeep with the WSDL of one door loaded."""

    def __init__(self, calls: Calls, address: str, documents: Mapping[str, bytes]) -> None:
        self._transport = _Transport(calls, documents)
        settings = zeep.Settings(forbid_dtd=True, forbid_entities=True, forbid_external=False, force_https=False)
        try:
            self._client = zeep.AsyncClient(address, transport=self._transport, settings=settings)  # type: ignore[no-untyped-call]
        except (zeep.exceptions.Error, etree.LxmlError, LookupError, ValueError, TypeError) as error:
            raise NoAnswer(f"the WSDL cannot be used: {type(error).__name__}") from error

    @classmethod
    async def load(cls, calls: Calls, path: str) -> Self:
        """Fetches `path` (such as /itk/scr?wsdl) and its schemas from the gateway. Raises NoAnswer."""
        address = calls.gateway + path
        return cls(calls, address, await fetch_documents(calls, address))

    def _operation(self, action: str, *, soap12: bool) -> tuple[Any, str, str]:
        """(binding, operation, address) of the operation with this SOAPAction."""
        kind = Soap12Binding if soap12 else Soap11Binding
        for service in self._client.wsdl.services.values():
            for port in service.ports.values():
                if type(port.binding) is not kind:
                    continue
                for name, operation in port.binding.all().items():  # type: ignore[no-untyped-call]
                    if operation.soapaction == action:
                        return port.binding, name, port.binding_options["address"]
        raise NoAnswer("the WSDL names no operation with the action needed")

    async def call(
        self,
        action: str,
        headers: Headers,
        values: Mapping[str, Any],
        *,
        soap12: bool = False,
        address: str | None = None,
    ) -> Exchange:
        """Sends one message built by zeep from `values` and returns the exchange, fault or not.

        `address` overrides the WSDL's own. Raises NoAnswer.
        """
        binding, name, served = self._operation(action, soap12=soap12)
        self._client.plugins = [_Addressing(headers)] if headers.addressed else []
        self._client.wsse = _Security(headers)
        self._transport.exchange = None
        proxy = AsyncServiceProxy(self._client, binding, address=address or served)  # type: ignore[no-untyped-call]
        try:
            await proxy[name](_soapheaders=list(headers.blocks), **values)
        except (zeep.exceptions.Error, etree.LxmlError, LookupError, AttributeError, TypeError, ValueError) as error:
            # a fault, an error page, or an answer zeep stumbles over (an empty Body is an IndexError there): the bytes
            # are judged by whoever called
            if self._transport.exchange is None:
                raise NoAnswer(f"the message could not be built: {type(error).__name__}") from error
        exchange: Exchange | None = self._transport.exchange
        if exchange is None:
            raise NoAnswer("no message was sent")
        return exchange
