"""The served descriptions: a stock zeep client calls from the served address alone, and every schema loads elsewhere
too.
"""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import xmlschema
import zeep
from lxml import etree
from zeep.transports import Transport

from gateway.xml.catalogue import DISTRIBUTION_ENVELOPE, OWN_SCHEMAS, Catalogue
from gateway.xml.names import ITK, XSD
from gateway.xml.operations import OPERATIONS, Family
from gateway.xml.parser import parse
from gateway.xml.soap import read_envelope
from gateway.xml.wsdl import DESCRIPTIONS, SCHEMAS, wsdl, xsd

ENVELOPES: list[bytes] = []


class Door(BaseHTTPRequestHandler):
    """Serves descriptions and schemas as the gateway does, keeps what is posted and answers with a fault."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        name = parts.path.rpartition("/")[2]
        address = f"http://127.0.0.1:{self.server.server_address[1]}/itk"
        body = wsdl(name, address) if parts.query == "wsdl" else xsd(parts.query.removeprefix("xsd="))
        self.answer(200, body)

    def do_POST(self) -> None:
        ENVELOPES.append(self.rfile.read(int(self.headers["Content-Length"])))
        fault = (
            '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault>'
            "<faultcode>soap:Client</faultcode><faultstring>enough</faultstring></soap:Fault></soap:Body></soap:Envelope>"
        )
        self.answer(500, fault.encode())

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""


@pytest.fixture(scope="module")
def door() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/itk"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "operation", [o for o in OPERATIONS if o.family is Family.PDS or o.name == "querySCR"], ids=lambda o: o.name
)
def test_zeep_calls_from_the_served_description_alone(door: str, operation) -> None:
    pds = operation.family is Family.PDS
    transport = Transport()
    client = zeep.Client(f"{door}/{operation.family.value}?wsdl", transport=transport)
    payload = etree.fromstring(f'<{operation.request_root} xmlns="urn:hl7-org:v3"/>')
    uuid = "AB000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"
    call = (
        client.bind(f"{operation.name}-v1-0", f"{operation.name}-v1-0_pttPort")[f"{operation.name}-v1-0"]
        if pds
        else client.bind("ITKService", "ServReqRes11Port")["sendRecvMessage"]
    )
    with pytest.raises(zeep.exceptions.Fault, match="enough"):
        call(
            header={
                "service": operation.service,
                "trackingid": uuid,
                "auditIdentity": {"id": [{"uri": "urn:nhs-uk:identity:ods:Z1A:user"}]},
                "manifest": {"count": 1, "manifestitem": [{"id": f"uuid_{uuid}", "mimetype": "text/xml"}]},
            },
            payloads={"count": 1, "payload": [{"_value_1": payload, "id": f"uuid_{uuid}"}]},
        )
    transport.session.close()
    sent = read_envelope(parse(ENVELOPES[-1])).payload
    assert sent.tag == f"{{{ITK}}}DistributionEnvelope"
    assert not Catalogue.load().validate(DISTRIBUTION_ENVELOPE, sent)
    assert sent.find(f".//{{urn:hl7-org:v3}}{operation.request_root}") is not None


@pytest.mark.parametrize("name", sorted(DESCRIPTIONS))
def test_a_description_names_the_address_it_is_served_for(name: str, tmp_path: Path) -> None:
    root = parse(wsdl(name, "https://gateway.example/itk"))
    locations = {element.get("location") for element in root.iter("{*}address")}
    assert locations == {"https://gateway.example/itk"}
    assert not list(root.iter("{http://www.w3.org/2001/XMLSchema}include"))
    schemas = {str(schema.get("targetNamespace")): schema for schema in root.iter(f"{{{XSD}}}schema")}
    files = {namespace: f"{number}.xsd" for number, namespace in enumerate(schemas)}
    for namespace, schema in schemas.items():
        for imported in schema.iter(f"{{{XSD}}}import"):
            assert imported.get("schemaLocation") is None
            imported.set("schemaLocation", files[str(imported.get("namespace"))])
        (tmp_path / files[namespace]).write_bytes(etree.tostring(schema))
    for file in files.values():
        etree.XMLSchema(etree.parse(tmp_path / file))


def test_an_unknown_name_is_not_a_path() -> None:
    for name in ("../pyproject", "scr/../itk/distribution-envelope", "", "/etc/passwd"):
        with pytest.raises(KeyError):
            xsd(name)
        with pytest.raises(KeyError):
            wsdl(name, "http://127.0.0.1/itk")


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_is_strictly_correct(name: str) -> None:
    path = OWN_SCHEMAS / SCHEMAS[name]
    etree.XMLSchema(etree.parse(path))
    xmlschema.XMLSchema(str(path), allow="local")
    documented = etree.parse(path).getroot().iter("{http://www.w3.org/2001/XMLSchema}documentation")
    assert next(documented, None) is not None


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_served_schemas_include_each_other_by_name(name: str) -> None:
    for reference in parse(xsd(name)).iter("{http://www.w3.org/2001/XMLSchema}include"):
        assert str(reference.get("schemaLocation")).removeprefix("?xsd=") in SCHEMAS
