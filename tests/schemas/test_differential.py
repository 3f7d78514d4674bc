"""Our schemas against the official packs: the same verdict on every sample, on our own messages and on seeded
mutations of them.

Runs where the official packs stand beside the checkout; SCR_MUTATIONS sets how many mutations each message gets
(default 40).
"""

import os
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from gateway.xml.catalogue import DISTRIBUTION_ENVELOPE, ENTRIES, TOOLKIT_ERROR, Catalogue
from gateway.xml.itk_outline import outline
from gateway.xml.names import HL7, ITK, qname
from gateway.xml.parser import parse
from tests.schemas.mutations import mutated

MESSAGES = Path(__file__).parent / "messages"
PER_MESSAGE = int(os.environ.get("SCR_MUTATIONS", "40"))
ROOTS = {entry.root: name for name, entry in ENTRIES.items() if entry.official is not None}


@pytest.fixture(scope="module")
def catalogues(shared: Path) -> tuple[Catalogue, Catalogue]:
    """Ours, and the official one."""
    return Catalogue.load(), Catalogue.load(shared / "schemas")


def verdict(catalogue: Catalogue, name: str, element: etree._Element) -> bool:
    """Whether the element is valid; envelopes are judged without what they carry."""
    return not catalogue.validate(name, outline(element) if name == DISTRIBUTION_ENVELOPE else element)


def judged(node: etree._Element) -> bool:
    """Nodes the comparison is about: not the record inside a querySCR response, nor the payload inside an envelope
    (each has rules of its own).
    """
    return not any(
        ancestor.tag in {qname(HL7, "text"), qname(ITK, "payload")} and len(ancestor)
        for ancestor in node.iterancestors()
    )


@pytest.mark.parametrize("path", sorted(MESSAGES.glob("*.xml")), ids=lambda path: path.stem)
def test_our_messages_are_valid_for_both(path: Path, catalogues: tuple[Catalogue, Catalogue]) -> None:
    message = parse(path.read_bytes())
    name = ROOTS[str(message.tag)]
    for catalogue in catalogues:
        assert not catalogue.validate(name, outline(message) if name == DISTRIBUTION_ENVELOPE else message)


def test_every_message_type_has_a_message() -> None:
    have = {ROOTS[str(parse(path.read_bytes()).tag)] for path in MESSAGES.glob("*.xml")}
    assert have == {*ROOTS.values()}


@pytest.mark.parametrize("path", sorted(MESSAGES.glob("*.xml")), ids=lambda path: path.stem)
def test_mutations_get_the_same_verdict(path: Path, catalogues: tuple[Catalogue, Catalogue]) -> None:
    ours, official = catalogues
    message = parse(path.read_bytes())
    name = ROOTS[str(message.tag)]
    rng = random.Random(zlib.crc32(path.stem.encode()))
    differences: list[str] = []
    valid = 0
    for number in range(PER_MESSAGE):
        mutant, what = mutated(message, rng, inside=judged)
        expected = verdict(official, name, mutant)
        valid += expected
        if verdict(ours, name, mutant) is not expected:
            side = ours if expected else official
            found = side.validate(name, outline(mutant) if name == DISTRIBUTION_ENVELOPE else mutant)
            differences.append(
                f"{number} {what}: official says {'valid' if expected else 'invalid'} ({found[0].code} {found[0].path})"
            )
    assert not differences, "\n".join(differences)
    assert PER_MESSAGE - valid > 0, "no mutation broke the message: the comparison proves nothing"


def samples(shared: Path) -> Iterator[tuple[Path, etree._Element, str]]:
    """Every element of the public samples that one of our schemas is for, wherever it stands."""
    for path in sorted(
        [*(shared / "samples/itk").rglob("*.xml"), *(shared / "samples/scr-mini-service").rglob("*.xml")]
    ):
        try:
            root = etree.fromstring(path.read_bytes())
        except etree.XMLSyntaxError:
            continue  # templates with holes
        for element in root.iter(*ROOTS):
            yield path, element, ROOTS[str(element.tag)]


def test_every_public_sample_gets_the_same_verdict(shared: Path, catalogues: tuple[Catalogue, Catalogue]) -> None:
    ours, official = catalogues
    seen: dict[str, int] = {}
    differences = []
    for path, element, name in samples(shared):
        alone = etree.fromstring(etree.tostring(element, with_tail=False))
        if name == "QuerySCRResponse":
            empty_the_record(alone)
        seen[name] = seen.get(name, 0) + 1
        if verdict(ours, name, alone) is not verdict(official, name, alone):
            differences.append(f"{path.name}: {name}")
    assert not differences, "\n".join(differences)
    assert seen[DISTRIBUTION_ENVELOPE] >= 100
    assert seen[TOOLKIT_ERROR] >= 4
    assert len(seen) >= 15


def test_every_public_scr_response_is_valid_whole(shared: Path, catalogues: tuple[Catalogue, Catalogue]) -> None:
    ours = catalogues[0]
    checked = 0
    for path, element, name in samples(shared):
        if path.parent.name == "scr-mini-service":
            assert not ours.validate(name, outline(element) if name == DISTRIBUTION_ENVELOPE else element), path.name
            checked += 1
    assert checked >= 2 * 57


def empty_the_record(response: etree._Element) -> None:
    """Leave the record's bare wrapper: its content is not what the two schemas are compared on."""
    for text in response.iter(qname(HL7, "text")):
        for wrapper in text:
            for child in list(wrapper):
                wrapper.remove(child)
