"""The services' descriptions (WSDL 1.1) and schemas as they are served: one file is enough to call from, its schemas
inside.

It serves files of the schemas folder only, by names it listed at import; a name in a request never becomes a path.
"""

import copy
from functools import cache
from pathlib import Path

from lxml import etree

from gateway.xml.catalogue import OWN_SCHEMAS
from gateway.xml.names import WSDL, WSDL_SOAP11, WSDL_SOAP12, XSD, qname
from gateway.xml.parser import parse, serialize

DESCRIPTIONS: dict[str, str] = {
    path.stem.removesuffix("-mini-service"): path.relative_to(OWN_SCHEMAS).as_posix()
    for path in sorted(OWN_SCHEMAS.rglob("*.wsdl"))
}
"""Name -> file: `scr` and `pds`, and every other WSDL of the schemas folder by its file's name."""

SCHEMAS: dict[str, str] = {
    path.relative_to(OWN_SCHEMAS).with_suffix("").as_posix(): path.relative_to(OWN_SCHEMAS).as_posix()
    for path in sorted(OWN_SCHEMAS.rglob("*.xsd"))
}
"""Name in ?xsd= -> file, such as `scr/query-scr`."""


def wsdl(name: str, address: str) -> bytes:
    """The description called `name` with `address` (absolute URL) as every port's location and all schemas inside.

    Raises KeyError for a name not in DESCRIPTIONS.
    """
    root = copy.deepcopy(_inlined(DESCRIPTIONS[name]))
    for namespace in (WSDL_SOAP11, WSDL_SOAP12):
        for location in root.iter(qname(namespace, "address")):
            location.set("location", address)
    return serialize(root)


def xsd(name: str, address: str = "") -> bytes:
    """The schema called `name`, its includes pointing to `address?xsd=` names. Raises KeyError for a name not in SCHEMAS.

    With the address (absolute URL) written out, clients that resolve a bare query or path wrongly load it too.
    """
    file = SCHEMAS[name]
    root = _read(file)
    for reference in root.iter(qname(XSD, "include"), qname(XSD, "import")):
        location = reference.get("schemaLocation")
        if location is not None:
            reference.set("schemaLocation", f"{address}?xsd={_beside(file, location).removesuffix('.xsd')}")
    return serialize(root)


def _read(file: str) -> etree._Element:
    return parse((OWN_SCHEMAS / file).read_bytes())


def _beside(file: str, location: str) -> str:
    """The file a location in `file` means, from the schemas folder on."""
    path = (OWN_SCHEMAS / Path(file).parent / location).resolve()
    return path.relative_to(OWN_SCHEMAS).as_posix()


@cache
def _inlined(file: str) -> etree._Element:
    """The description with what its schemas include put in their place, each included file once, and what they import
    beside them.
    """
    root = _read(file)
    types = root.find(qname(WSDL, "types"))
    waiting = [] if types is None else list(types.iterchildren(qname(XSD, "schema")))
    known = {schema.get("targetNamespace") for schema in waiting}
    while waiting:
        schema = waiting.pop(0)
        _inline(schema, file, set())
        for imported in schema.iterchildren(qname(XSD, "import")):
            location = imported.get("schemaLocation")
            imported.attrib.pop("schemaLocation", "")
            if location is not None and imported.get("namespace") not in known:
                assert types is not None
                known.add(imported.get("namespace"))
                beside = _read(location)
                types.append(beside)
                waiting.append(beside)
    return root


def _inline(schema: etree._Element, file: str, seen: set[str]) -> None:
    """Puts included files in place; locations of imports become names from the schemas folder on.

    Prefixes that stand in values only do not travel with a node: the description declares them itself.
    """
    for include in list(schema.iterchildren(qname(XSD, "include"))):
        included = _beside(file, str(include.get("schemaLocation")))
        place = schema.index(include)
        schema.remove(include)
        if included in seen:
            continue
        seen.add(included)
        inner = _read(included)
        for reference in inner.iterchildren(qname(XSD, "import")):
            reference.set("schemaLocation", _beside(included, str(reference.get("schemaLocation"))))
        _inline(inner, included, seen)
        for offset, part in enumerate(list(inner)):
            schema.insert(place + offset, part)
