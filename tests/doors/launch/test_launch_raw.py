"""`vendor-stub HOST raw FILE`: what a host sends, sent as it is; a door without a message says so."""

import json
from pathlib import Path

import pytest

from tests.doors.launch.hosts import USERS
from tests.running import RunningSandbox, vendor_stub

NUMBER = "9992000481"
OTHERS = {"rio": "910000000307", "sonar": "910000000307", "pharmoutcomes": "910000000307"}
"""Somebody else with a role at each host."""


async def launch_file(sandbox: RunningSandbox, folder: Path, product: str) -> Path:
    """What `launch` prints, as the file the host would send."""
    status, output, errors = await vendor_stub(
        sandbox, product, "launch", "--nhs-number", NUMBER, "--as", USERS[product]
    )
    assert status == 0, errors
    file = folder / product
    file.write_text({"sonar": "launch_token="}.get(product, "") + output.strip())
    return file


@pytest.mark.parametrize(
    ("product", "answer"), [("rio", 201), ("sonar", 303), ("pharmoutcomes", 303), ("lorenzo", 303)]
)
async def test_a_launch_is_sent_as_it_is(sandbox: RunningSandbox, tmp_path: Path, product: str, answer: int) -> None:
    file = await launch_file(sandbox, tmp_path, product)
    status, output, errors = await vendor_stub(sandbox, product, "raw", str(file))
    assert (status, output.splitlines()[0]) == (0, f"HTTP {answer}"), errors
    if product == "lorenzo":
        return  # its handle is the host's to spend, not this door's
    status, output, _ = await vendor_stub(sandbox, product, "raw", str(file))
    assert status == 3
    assert "X-SCR-Code: launch-spent" in output


@pytest.mark.parametrize("product", list(OTHERS))
async def test_a_template_is_renewed(sandbox: RunningSandbox, tmp_path: Path, product: str) -> None:
    """A spent token, anew: first for the same user, then for another one of the organisation."""
    status, output, _ = await vendor_stub(sandbox, product, "launch", "--nhs-number", NUMBER, "--as", USERS[product])
    if product == "pharmoutcomes":  # a link is encrypted: the template is the token within
        _, output, _ = await vendor_stub(sandbox, "rio", "launch", "--nhs-number", NUMBER, "--as", USERS["rio"])
        head, payload, signature = output.strip().split(".")
        del payload
        output = f"{head}.{_claims(product)}.{signature}"
    file = tmp_path / product
    file.write_text({"sonar": "launch_token="}.get(product, "") + output.strip())
    for more in ((), ("--as", OTHERS[product])):
        for _ in range(2):
            status, output, errors = await vendor_stub(sandbox, product, "raw", str(file), "--fresh", *more)
            assert status == 0, errors + output


def _claims(product: str) -> str:
    """An old launch of this host."""
    from tests.doors.launch.launch_docs import claims
    from vendor_stubs.launch_faults import _b64

    return _b64(json.dumps(claims(product)).encode())


@pytest.mark.parametrize(
    ("product", "body", "more", "said"),
    [
        ("scra", "anything", (), "takes no message"),
        ("ncrs", "anything", (), "takes no message"),
        ("lorenzo", "/launch/lorenzo?iss=a&launch=b", ("--fresh",), "--fresh"),
        ("lorenzo", "/launch/sonar?iss=a&launch=b", (), "no link to /launch/lorenzo"),
        ("lorenzo", "é", (), "no link"),
        ("pharmoutcomes", "/launch/pharmoutcomes?t=a", ("--content-type", "text/xml"), "--content-type"),
        ("pharmoutcomes", "/launch/pharmoutcomes?t=a", ("--fresh",), "--fresh"),
        ("rio", "a.b.c", ("--fresh",), "--fresh"),
        ("rio", "a.MQ.c", ("--fresh",), "--fresh"),
        ("sonar", "a=b", ("--fresh",), "--fresh"),
    ],
)
async def test_what_cannot_be_sent_is_wrong_usage(
    sandbox: RunningSandbox, tmp_path: Path, product: str, body: str, more: tuple[str, ...], said: str
) -> None:
    file = tmp_path / "message"
    file.write_text(body, encoding="utf-8")
    status, output, errors = await vendor_stub(sandbox, product, "raw", str(file), *more)
    assert (status, output) == (2, "")
    assert said in errors


@pytest.mark.parametrize(
    ("product", "body", "status"),
    [
        ("rio", "a.b.c", 3),
        ("sonar", "launch_token=a.b.c", 3),
        ("sonar", "launch_token=a&launch_token=b", 5),
        ("pharmoutcomes", "http://elsewhere.example/launch/pharmoutcomes?t=a.b.c.d.e", 3),
        ("lorenzo", "/launch/lorenzo?iss=http%3A%2F%2F127.0.0.1%3A1%2Fx&launch=y", 3),
    ],
)
async def test_what_is_no_launch_is_refused(
    sandbox: RunningSandbox, tmp_path: Path, product: str, body: str, status: int
) -> None:
    file = tmp_path / "message"
    file.write_text(body, encoding="utf-8")
    ended, output, errors = await vendor_stub(sandbox, product, "raw", str(file))
    assert ended == status, output + errors
    assert output.startswith("HTTP 4")
