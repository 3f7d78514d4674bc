"""The catalogue: what it holds, how it fails, and that one instance serves several threads."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.xml.catalogue import ENTRIES, Catalogue, SchemaUnusable
from gateway.xml.operations import OPERATIONS
from gateway.xml.parser import parse

MESSAGES = Path(__file__).parent / "messages"


def test_every_operation_has_both_schemas() -> None:
    names = Catalogue.load().names
    for operation in OPERATIONS:
        assert {operation.request_root, operation.response_root} <= names
    assert names == set(ENTRIES)


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        Catalogue.load().validate("no such message", parse(b"<a/>"))


def test_a_missing_or_broken_pack_is_found_at_start(tmp_path: Path) -> None:
    with pytest.raises(SchemaUnusable, match="distributionEnvelope"):
        Catalogue.load(tmp_path)
    broken = tmp_path / "itk/Schemas/distributionEnvelope-v2-0.xsd"
    broken.parent.mkdir(parents=True)
    broken.write_text("<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element type='none'/></xs:schema>")
    with pytest.raises(SchemaUnusable, match="distributionEnvelope"):
        Catalogue.load(tmp_path)


def test_an_official_pack_takes_the_place_of_ours(shared: Path) -> None:
    catalogue = Catalogue.load(shared / "schemas")
    assert catalogue.names == set(ENTRIES)
    message = parse(b'<GetRBACStatusRequest xmlns="urn:hl7-org:v3"/>')
    assert catalogue.validate("GetRBACStatusRequest", message)


def test_threads_do_not_mix_their_findings() -> None:
    """lxml keeps one error log for each schema; without a lock one thread would read another's."""
    catalogue = Catalogue.load()
    good = (MESSAGES / "QueryPTVRequest.xml").read_bytes()
    bad = {
        "element-unexpected": good.replace(b"<queryPTVGrouper>", b"<colour/><queryPTVGrouper>"),
        "attribute-unexpected": good.replace(b"<queryPTVGrouper>", b'<queryPTVGrouper colour="1">'),
        "attribute-missing": good.replace(b' extension="9990000018"', b""),
    }

    def check(code: str) -> bool:
        return [found.code for found in catalogue.validate("QueryPTVRequest", parse(bad[code]))] == [code]

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(check, [*bad] * 300))


def test_loading_is_quick() -> None:
    begin = time.process_time()
    Catalogue.load()
    assert time.process_time() - begin < 1.0
