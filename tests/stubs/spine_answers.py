"""Sending to the Spine stub and reading its answers, for its tests: sees the wire alone."""

from collections.abc import Callable
from typing import Any

from aiohttp.test_utils import TestClient
from lxml import etree

from tests.stubs import spine_requests as ask
from tests.stubs.spine_requests import NS, Request
from vendor_stubs import cast
from vendor_stubs.summary_reader import read_summary

BY_CASE = {patient.case: patient.nhs for patient in reversed(cast.patients())}
CORE = BY_CASE["core"]
GENERATED = "9000000009"

Client = TestClient[Any, Any]


async def send(spine: Client, request: Request, path: str = "/sync-service") -> tuple[int, Any]:
    async with spine.post(path, data=request.body, headers=request.headers) as response:
        body = await response.read()
        assert response.content_type == "text/xml"
        return response.status, etree.fromstring(body)


def issues(root: Any) -> list[str]:
    return [str(code) for code in root.xpath("//h:justifyingDetectedIssueEvent/h:code/@code", namespaces=NS)]


def qualifiers(root: Any) -> list[str]:
    return [
        str(code) for code in root.xpath("//h:justifyingDetectedIssueEvent/h:code/h:qualifier/@code", namespaces=NS)
    ]


def one(root: Any, path: str) -> str:
    [found] = root.xpath(path, namespaces=NS)
    return str(found)


def acknowledged(root: Any) -> str:
    return one(root, "//h:acknowledgement/@typeCode")


async def listed(spine: Client, nhs: str) -> list[str]:
    _, root = await send(spine, ask.event_list(nhs))
    return [str(event_id) for event_id in root.xpath("//p:event/p:eventID/@root", namespaces=NS)]


async def fetched(spine: Client, nhs: str) -> Any:
    [first, *_] = await listed(spine, nhs)
    return await send(spine, ask.event(nhs, first))


async def read(spine: Client, nhs: str) -> dict[str, Any]:
    status, root = await fetched(spine, nhs)
    assert status == 200
    [summary] = root.xpath("//h:GPSummary", namespaces=NS)
    return read_summary(summary)


def fault_of(root: Any) -> str:
    return one(root, "//*[local-name()='errorCode']/text()")


def set_header(name: str, value: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        request.headers[name] = value

    return change


def set_text(path: str, value: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        request.one(path).text = value

    return change


def set_attribute(path: str, name: str, value: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        request.one(path).set(name, value)

    return change


def drop(path: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        element = request.one(path)
        element.getparent().remove(element)

    return change


PAYLOAD = "s:Body/*"
