"""The hostile corpus: each message refused quickly and in bounded memory, and the parser healthy afterwards."""

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid
from gateway.xml.parser import parse
from tests.xml.wire import changed, good

GOOD = good("querySCR")


@pytest.fixture
def silent_listener() -> Iterator[str]:
    """A loopback address that must never be called."""
    calls: list[object] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.05)
    stop = threading.Event()

    def listen() -> None:
        while not stop.is_set():
            try:
                connection, address = server.accept()
            except TimeoutError:
                continue
            calls.append(address)
            connection.close()

    thread = threading.Thread(target=listen)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    time.sleep(0.12)  # the listener's own turn: two time-outs
    stop.set()
    thread.join()
    server.close()
    assert calls == []


def doctype(inside: str, body: str = "&x;") -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE a [{inside}]><a>{body}</a>'.encode()


def laughs(levels: int, width: int) -> bytes:
    entities = '<!ENTITY l0 "lol">' + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * width}">' for n in range(1, levels + 1))
    return doctype(entities, f"&l{levels};")


CORPUS: dict[str, Callable[[], bytes]] = {
    "external entity": lambda: doctype('<!ENTITY x SYSTEM "file:///etc/passwd">'),
    "external DTD": lambda: b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    "public DTD": lambda: b'<!DOCTYPE a PUBLIC "-//X//Y" "file:///etc/passwd"><a/>',
    "parameter entity": lambda: doctype('<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;', "x"),
    "parameter entity in value": lambda: doctype("<!ENTITY % p \"&#60;!ENTITY x SYSTEM 'file:///etc/passwd'>\"> %p;"),
    "billion laughs": lambda: laughs(9, 10),
    "quadratic blow-up": lambda: doctype(f'<!ENTITY x "{"A" * 50_000}">', "&x;" * 50_000),
    "recursive entity": lambda: doctype('<!ENTITY x "&y;"><!ENTITY y "&x;">'),
    "internal entity": lambda: doctype('<!ENTITY x "harmless">'),
    "attribute default": lambda: doctype('<!ATTLIST a b CDATA "c">', ""),
    "DTD behind comments": lambda: b"<!-- -->" * 1000 + b"<!DOCTYPE a><a/>",
    "10^5 nesting": lambda: b"<a>" * 100_000 + b"</a>" * 100_000,
    "10^5 nesting, unclosed": lambda: b"<a>" * 100_000,
    "100 MB": lambda: b"<a>" + b"x" * 100_000_000 + b"</a>",
    "100 MB of elements": lambda: b"<a>" + b"<b/>" * 25_000_000 + b"</a>",
    "10^6 attributes": lambda: b"<a " + b" ".join(b'a%d="1"' % n for n in range(300_000)) + b"/>",
    "10^6 attributes, large": lambda: b"<a " + b" ".join(b'a%d="1"' % n for n in range(1_000_000)) + b"/>",
    "10^6 namespaces": lambda: b"<a " + b" ".join(b'xmlns:a%d="u"' % n for n in range(200_000)) + b"/>",
    "same attribute": lambda: b"<a " + b'b="1" ' * 500_000 + b"/>",
    "10^6 elements": lambda: b"<a>" + b"<b/>" * 900_000 + b"</a>",
    "comments unclosed": lambda: b"<a>" + b"<!--" * 900_000,
    "CDATA unclosed": lambda: b"<a>" + b"<![CDATA[" * 400_000,
    "instructions unclosed": lambda: b"<a>" + b"<?p " * 900_000,
    "quotes unclosed": lambda: b'<a "' * 900_000,
    "declaration unclosed": lambda: b"<?xml " + b"version " * 400_000,
    "prolog of comments": lambda: b"<!---->" * 90_000 + b"<!DOCTYPE a><a/>",
    "prolog of blanks": lambda: b" " * 4_000_000 + b"<!DOCTYPE a><a/>",
    "huge name": lambda: b"<" + b"a" * 4_000_000 + b"/>" + b"<",
    "instruction for a stylesheet": lambda: b'<?xml-stylesheet href="file:///etc/passwd"?><a/>',
    "instruction inside": lambda: b"<a>" + b"x" * 400_000 + b"<?php echo 1 ?></a>",
    "10^5 instructions": lambda: b"<a>" + b"<?p q?>" * 90_000 + b"</a>",
    "instruction behind": lambda: b"<a/><?p " + b"q " * 900_000 + b"?>",
    "character references": lambda: b"<a>" + b"&#0;" * 500_000 + b"</a>",
    "UTF-7": lambda: b"<?xml version='1.0' encoding='UTF-7'?>+ADwAIQ-DOCTYPE a+AD4APA-a/+AD4-",
    "UTF-16 DTD": lambda: '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"),
    "UTF-16 DTD unmarked": lambda: "<!DOCTYPE a><a/>".encode("utf-16-le"),
    "UTF-32 DTD": lambda: "<!DOCTYPE a><a/>".encode("utf-32"),
    "EBCDIC": lambda: '<?xml version="1.0" encoding="cp037"?><!DOCTYPE a><a/>'.encode("cp037"),
    "label says UTF-16": lambda: b"<?xml version='1.0' encoding='UTF-16'?><a/>",
    "overlong UTF-8": lambda: b"<a>\xc0\xbc!DOCTYPE b></a>",
    "NUL in text": lambda: b"<a>x\x00y</a>",
    "NUL in name": lambda: b"<a\x00/>",
    "NUL first": lambda: b"\x00<a/>",
    "gzip bomb": lambda: b"\x1f\x8b\x08\x00" + b"\x00" * 1000,
    "zip": lambda: b"PK\x03\x04" + b"\x00" * 1000,
}


@pytest.mark.parametrize("case", sorted(CORPUS))
def test_refused_quickly_in_bounded_memory(case: str) -> None:
    """Goal: inside 1 s. Processor time is measured, so that a busy machine fails nobody."""
    data = CORPUS[case]()
    before = psutil.Process().memory_info().rss
    begin = time.process_time()
    with pytest.raises(MessageInvalid) as caught:
        parse(data)
    elapsed = time.process_time() - begin
    grown = psutil.Process().memory_info().rss - before
    assert elapsed < 1.0
    assert grown < 64 * 1024 * 1024
    assert caught.value.findings
    assert len(repr(caught.value.findings)) < 2000
    assert parse(GOOD) is not None


def test_memory_stays_bounded_over_the_whole_corpus() -> None:
    for make in CORPUS.values():
        with pytest.raises(MessageInvalid):
            parse(make())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        for make in CORPUS.values():
            with pytest.raises(MessageInvalid):
                parse(make())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 32 * 1024  # KiB


def test_nothing_is_fetched(silent_listener: str) -> None:
    for data in (
        f'<!DOCTYPE a SYSTEM "{silent_listener}/x.dtd"><a/>'.encode(),
        doctype(f'<!ENTITY x SYSTEM "{silent_listener}/x">'),
        doctype(f'<!ENTITY % p SYSTEM "{silent_listener}/x"> %p;', "x"),
    ):
        with pytest.raises(MessageInvalid):
            parse(data)
    located = changed(
        GOOD,
        "<itk:DistributionEnvelope>",
        '<itk:DistributionEnvelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xsi:schemaLocation="urn:nhs-itk:ns:201005 {silent_listener}/x.xsd"'
        f' xsi:noNamespaceSchemaLocation="{silent_listener}/y.xsd">',
    )
    styled = changed(GOOD, "<soap:Body>", f'<?xml-stylesheet href="{silent_listener}/s.xsl"?><soap:Body>')
    with pytest.raises(MessageInvalid):
        parse(styled)
    included = changed(
        located,
        "<soap:Body>",
        f'<soap:Body><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{silent_listener}/i"/>',
    )
    with pytest.raises(MessageInvalid):
        parse(included)
    from gateway.xml.catalogue import Catalogue
    from gateway.xml.itk_outline import envelope_findings
    from gateway.xml.soap import read_envelope

    envelope = read_envelope(parse(located))
    assert envelope_findings(Catalogue.load(), envelope.payload) == ()


def test_thousands_of_namespace_declarations_are_refused_before_a_tree_is_built() -> None:
    declarations = " ".join(f'xmlns:n{number}="x"' for number in range(2000))
    with pytest.raises(MessageInvalid) as refused:
        parse(f"<a {declarations}/>".encode())
    assert refused.value.code is Code.MESSAGE_FORBIDDEN_XML
