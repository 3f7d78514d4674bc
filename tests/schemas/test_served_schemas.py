"""Every schema the running gateway serves loads from its URL alone, with stock xmlschema (strict), lxml and zeep."""

import re
from asyncio import to_thread
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import aiohttp
import pytest
import xmlschema
import zeep
from lxml import etree

from gateway.adapters.emis_web import PATHS as EMIS_WEB
from gateway.adapters.systmone import PATH as SYSTMONE
from gateway.xml.names import XSD, qname
from gateway.xml.wsdl import SCHEMAS
from tests.running import RunningSandbox

PATHS = ("/viewers/adastra", "/viewers/cleo", *EMIS_WEB, SYSTMONE, "/itk/scr", "/itk/pds")


class _OverHttp(etree.Resolver):
    """lxml has no HTTP of its own in every build: it asks here for each schema another one names."""

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]
        with urlopen(system_url, timeout=10) as answer:
            return self.resolve_string(answer.read(), context, base_url=system_url)


def _load(url: str) -> None:
    xmlschema.XMLSchema(url, allow="remote")
    parser = etree.XMLParser()
    parser.resolvers.add(_OverHttp())
    with urlopen(url, timeout=10) as answer:
        root = etree.fromstring(answer.read(), parser, base_url=url)
    for reference in root.iter(qname(XSD, "include"), qname(XSD, "import")):
        location = reference.get("schemaLocation")
        assert location is None or urlsplit(location)[:2] == urlsplit(url)[:2]
    etree.XMLSchema(root)


@pytest.mark.parametrize("path", PATHS)
async def test_served_schemas_load_from_their_url(sandbox: RunningSandbox, path: str) -> None:
    for name in SCHEMAS:
        await to_thread(_load, f"{sandbox.gateway}{path}?xsd={name}")


@pytest.mark.parametrize("path", [path for path in PATHS if path != SYSTMONE])
async def test_served_descriptions_load_in_zeep(sandbox: RunningSandbox, path: str) -> None:
    client = await to_thread(zeep.Client, f"{sandbox.gateway}{path}?wsdl")
    assert client.wsdl.services


@pytest.mark.parametrize(
    "address", [*PATHS, *(f"{path}?xsd=nothing" for path in PATHS), f"{SYSTMONE}?wsdl", "/itk", "/itk?wsdl"]
)
async def test_what_is_not_described_there_is_refused_with_a_way_that_works(
    sandbox: RunningSandbox, address: str
) -> None:
    """Each address that the sentence names is asked for, and answers."""
    path = address.partition("?")[0]
    async with aiohttp.ClientSession(sandbox.gateway) as session:
        async with session.get(address) as answer:
            told = await answer.json()
            expected = (405, "method-not-allowed") if path == "/itk" else (404, "page-not-found")
            assert (answer.status, answer.headers["X-SCR-Code"], told["code"]) == (*expected, expected[1])
            assert answer.headers.get("Allow") == ("POST" if path == "/itk" else None)
        async with session.delete(path) as unknown:
            other = await unknown.json()
            assert (unknown.status, unknown.content_type) == (405, answer.content_type)
            assert set(told) == {*other, "detail"}, "one form for all that no door answers"
        named = re.findall(r"(/itk/\w+)?\?(wsdl|xsd)(?!=)", told["detail"])
        assert named or path in {"/itk/scr", "/itk/pds"}
        for where, what in named:
            async with session.get(f"{where or path}?{what}") as answer:
                assert answer.status == 200, (where, what)
