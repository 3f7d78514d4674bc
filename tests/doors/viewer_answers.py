"""What a running gateway answers to the requests that three viewers' guides paste, with what differs each time written as always.

`python -m tests.doors.viewer_answers [--gateway URL]` asks a running sandbox and writes the golden answers anew.
"""

import re
import subprocess
import sys
from pathlib import Path

from lxml import etree

from gateway.xml.parser import parse

HERE = Path(__file__).parent
USERS = {"adastra": "910000000117", "cleo": "910000000125", "systmone": "910000000141"}
"""Product -> who asks in its sample."""
_PANE = "{urn:scr-gateway:cleo:1}Pane"
_OURS = "[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}"


def wire(product: str, name: str) -> Path:
    """A file of a door's wire folder."""
    return HERE / product / "wire" / f"{name}.xml"


def command(product: str) -> list[str]:
    """The arguments of the stub that sends the sample, made new."""
    by = [] if product == "adastra" else ["--as", USERS[product]]  # an assertion names its user itself
    return [product, "raw", str(wire(product, "view-to-open")), "--fresh", *by]


def normal(product: str, printed: str) -> str:
    """The answer in what the stub printed: indented, its ids those of the samples, its pane (made for the moment) left out."""
    root = parse(printed[printed.index("<") :].strip().encode())
    for pane in root.iter(_PANE):
        pane.text = "…"
    etree.indent(root)
    text = etree.tostring(root, encoding="unicode")
    asked = wire(product, "view-to-open").read_text(encoding="utf-8")
    reference = re.search(r'(?:MessageID>urn:uuid:|requestId=")([0-9A-Fa-f-]{36})', asked)
    assert reference is not None
    text = re.sub(r'(RelatesTo>urn:uuid:|requestId=")[0-9A-Fa-f-]{36}', rf"\g<1>{reference[1]}", text)
    text = re.sub(rf"(MessageID>urn:uuid:){_OURS}", r"\g<1>D0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", text)
    text = re.sub(rf'(correlationId="){_OURS}', r"\g<1>C0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", text)
    return f"<?xml version='1.0' encoding='UTF-8'?>\n{text}\n"


if __name__ == "__main__":
    for one in USERS:
        stub = [str(Path(sys.executable).parent / "vendor-stub"), *command(one), *sys.argv[1:]]
        done = subprocess.run(stub, capture_output=True, text=True, check=True)
        wire(one, "view-to-open-answer").write_text(normal(one, done.stdout), encoding="utf-8")
