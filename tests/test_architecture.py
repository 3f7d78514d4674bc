"""The house keeps its shape: imports point inward, each outside library has its few doors, names say what they are for."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = (
    {"domain"},
    {"policy", "xml", "schemas", "body", "unread"},
    {"service"},
    {"adapters", "pages", "spine", "store", "identity"},
    {
        "web",
        "gate",
        "rates",
        "background",
        "guard",
        "teaching",
        "config",
        "config_forms",
        "checking",
        "pem_files",
        "logs",
        "text_files",
        "memory",
        "metrics",
        "traces",
        "production",
        "proving",
        "storing",
        "asking",
        "listeners",
        "listening",
        "doors",
        "browsing",
        "launches",
        "officers",
        "notices",
        "sandbox_folder",
    },
    {"app", "sandbox", "workers"},
    {"cli", "__main__", ""},
)
"""Innermost first; a part may import its own layer's own part and any layer before."""

SIBLINGS = {
    ("xml", "schemas"),
    ("body", "xml"),  # what is wrong with a body is told as a finding
    ("pages", "adapters"),  # pages show what doors show
}
"""Parts of one layer that may see each other, and why."""

OUTWARD = {
    "adapters/": {"aiohttp", "sqlalchemy", "structlog", "zeep"},
    "service/": {"aiohttp", "sqlalchemy", "lxml", "structlog", "jinja2", "zeep"},
    "policy/": {"aiohttp", "sqlalchemy", "lxml", "structlog", "asyncio"},
    "domain/": {"aiohttp", "sqlalchemy", "lxml", "structlog", "asyncio", "pydantic"},
    "xml/": {"aiohttp", "sqlalchemy"},
}
"""Libraries that must not be imported below these folders."""


def sources(package: str) -> Iterator[Path]:
    """Every module of a package."""
    return (path for path in sorted((ROOT / package).rglob("*.py")) if "migrations" not in path.parts)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(module, line) of each import, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import in line {node.lineno}"
            yield node.module or "", node.lineno
            if node.module == "gateway":
                yield from ((f"gateway.{name.name}", node.lineno) for name in node.names)


def part_of(module: str) -> str:
    """gateway.spine.client -> spine."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def layer_of(part: str) -> int:
    """Its place in LAYERS."""
    for number, layer in enumerate(LAYERS):
        if part in layer:
            return number
    raise AssertionError(f"gateway/{part} has no place in the house: say where it lives in LAYERS")


@pytest.mark.parametrize("path", list(sources("gateway")), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_inward(path: Path) -> None:
    own = path.relative_to(ROOT / "gateway").parts[0].removesuffix(".py")
    for module, line in imports(path):
        if not module.startswith("gateway") or (module == "gateway" and own):
            continue
        other = part_of(module)
        if other == own or (own, other) in SIBLINGS:
            continue
        outermost = layer_of(own) >= len(LAYERS) - 3
        inward = layer_of(other) <= layer_of(own) if outermost else layer_of(other) < layer_of(own)
        assert inward, f"{path.relative_to(ROOT)}:{line} imports {module}: that points outward"


def test_gateway_and_stubs_know_each_other_by_wire_only() -> None:
    for package, forbidden in (("gateway", "vendor_stubs"), ("vendor_stubs", "gateway")):
        for path in sources(package):
            for module, line in imports(path):
                assert module.split(".")[0] != forbidden, f"{path}:{line} imports {module}"


def test_libraries_stay_at_their_doors() -> None:
    for path in sources("gateway"):
        place = str(path.relative_to(ROOT / "gateway"))
        banned = next((names for folder, names in OUTWARD.items() if place.startswith(folder)), set())
        for module, line in imports(path):
            assert module.split(".")[0] not in banned, f"{path}:{line} imports {module}"


def test_only_the_one_door_parses_xml() -> None:
    """lxml's parsers are called in gateway/xml/parser.py alone (and where a schema of ours is compiled)."""
    doors = {"gateway/xml/parser.py", "gateway/xml/catalogue.py"}
    for path in sources("gateway"):
        place = str(path.relative_to(ROOT))
        if place in doors:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in {
                "fromstring",
                "XMLParser",
                "iterparse",
                "XMLPullParser",
                "HTMLParser",
            }:
                raise AssertionError(f"{place}:{node.lineno} parses XML by itself")


def test_no_module_is_a_bag() -> None:
    for package in ("gateway", "vendor_stubs", "tests"):
        for path in sources(package):
            assert path.stem not in {"utils", "helpers", "common"}, path
            assert not path.stem.startswith("base_"), path


def test_nothing_reads_the_clock_inside() -> None:
    """Time is passed in (I7): only the edge asks the clock."""
    for package in ("domain", "policy", "xml", "service", "adapters", "spine", "identity"):
        for path in sources(f"gateway/{package}"):
            text = path.read_text(encoding="utf-8")
            for call in ("datetime.now(", "time.time(", "date.today(", "datetime.utcnow("):
                assert call not in text, f"{path}: {call}"
