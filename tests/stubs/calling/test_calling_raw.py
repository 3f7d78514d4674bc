"""Files sent as they are, templates made sendable again, and the commands themselves with their exit statuses."""

import asyncio
import base64
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from tests.stubs.calling import stand_in as fake
from tests.stubs.calling.conftest import NOW, Bench
from tests.stubs.calling.stand_in import Reply
from vendor_stubs.calling import commands, names
from vendor_stubs.calling.errors import WrongUsage
from vendor_stubs.calling.options import RawRequest, ViewRequest
from vendor_stubs.calling.products import product
from vendor_stubs.cli import main
from vendor_stubs.mini_service import send_raw, view

NUMBER, KATE = "9992000112", "910000000281"
SHOWN = fake.response("QuerySCRResponse", "SMSP-0000", content=fake.summary(NUMBER))
WSA = "{http://www.w3.org/2005/08/addressing}"


async def captured(bench: Bench) -> bytes:
    """A real message, as the stub itself sends it."""
    bench.gateway.reply = SHOWN
    await view(ViewRequest(nhs_number=NUMBER, uid=KATE, purpose="direct-care"), bench.calls)
    message = bench.gateway.sent_to("/itk")[0].body
    bench.gateway.received.clear()
    bench.shown.clear()
    return message


@pytest.mark.parametrize("body", [b"", b"\xff\xfe not XML at all \x00", b"<a>\r\n  <b/></a>", "<é/>".encode("latin-1")])
async def test_a_file_is_sent_byte_for_byte(bench: Bench, body: bytes) -> None:
    bench.gateway.reply = fake.fault("1000", stable="message-not-well-formed")
    result = await send_raw(RawRequest(body=body), bench.calls)
    (received,) = bench.gateway.received[:1]
    assert (received.path, received.body) == ("/itk", body)
    assert received.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert result.exit_status == 5


async def test_the_whole_answer_is_printed(bench: Bench) -> None:
    bench.gateway.reply = Reply(b"<any>\xc3\xa9</any>", status=500, code="overloaded", rules="P-01 P-02")
    bench.gateway.explains = fake.known("overloaded", "unavailable")
    result = await send_raw(RawRequest(body=b"x", content_type="application/soap+xml"), bench.calls)
    printed = result.printed()
    assert printed.startswith(b"HTTP 500\n")
    assert b"X-SCR-Code: overloaded\n" in printed
    assert b"X-SCR-Rules: P-01 P-02\n" in printed
    assert f"X-Correlation-ID: {fake.CORRELATION}\n".encode() in printed
    assert printed.endswith(b"\n\n<any>\xc3\xa9</any>\n")
    assert result.exit_status == 6
    assert bench.gateway.received[0].headers["Content-Type"] == "application/soap+xml"


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (SHOWN, 0),
        (fake.response("GetRBACStatusResponse", "SMSP-0000"), 0),
        (fake.response("QuerySCRResponse", "SCR-0004"), 4),
        (fake.response("QuerySCRResponse", "SMSP-9999"), 1),
        (fake.fault("3000", stable=None), 3),
        (Reply(b"nothing", status=404, media_type="text/plain"), 1),
    ],
)
async def test_a_raw_answer_has_the_same_exit_status_as_any(bench: Bench, reply: Reply, status: int) -> None:
    message = await captured(bench)
    bench.gateway.reply = reply
    assert (await send_raw(RawRequest(body=message), bench.calls)).exit_status == status


async def test_a_refreshed_template_differs_in_id_times_and_token_alone(bench: Bench) -> None:
    message = await captured(bench)
    await send_raw(RawRequest(body=message, fresh=True), bench.calls)
    old, new = etree.fromstring(message), etree.fromstring(bench.gateway.received[0].body)
    changed = {
        etree.QName(before).localname
        for before, after in zip(old.iter(), new.iter(), strict=True)
        if (before.tag, before.text, dict(before.attrib)) != (after.tag, after.text, dict(after.attrib))
    }
    assert changed == {"MessageID", "BinarySecurityToken"}  # the clock stands, so the times are the same


async def test_a_refreshed_template_carries_times_of_now(bench: Bench) -> None:
    message = (await captured(bench)).replace(b"2026-03-28T23:3", b"2011-01-01T10:0")
    assert message.count(b"2011-01-01T10:0") == 2
    await send_raw(RawRequest(body=message, fresh=True), bench.calls)
    root = etree.fromstring(bench.gateway.received[0].body)
    assert root.findtext(".//{*}Created") == NOW.strftime("%Y-%m-%dT%H:%M:%S.125Z")
    assert root.findtext(".//{*}Expires") == "2026-03-28T23:35:00.125Z"


def claims(message: bytes) -> dict[str, str]:
    """Claims of the token in a message."""
    text = etree.fromstring(message).findtext(".//{*}BinarySecurityToken")
    part = base64.b64decode(str(text)).decode().split(".")[1]
    document: dict[str, str] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return document


async def test_the_token_is_that_of_the_user_named_or_chosen(bench: Bench) -> None:
    message = await captured(bench)
    toolkit_only = message.replace(b'type="1.2.826.0.1285.0.2.0.65"', b'type="1.2.3"')
    for body, uid, expected in (
        (message, None, KATE),
        (toolkit_only, None, KATE),
        (message, "910000000018", "910000000018"),
    ):
        bench.gateway.received.clear()
        await send_raw(RawRequest(body=body, fresh=True, uid=uid), bench.calls)
        assert claims(bench.gateway.received[0].body)["sub"] == expected


@pytest.mark.parametrize("body", [b"<a", b"<!DOCTYPE a><a/>"])
async def test_what_is_no_template_cannot_be_refreshed(bench: Bench, body: bytes) -> None:
    with pytest.raises(WrongUsage, match="--fresh"):
        await send_raw(RawRequest(body=body, fresh=True), bench.calls)


async def test_a_token_of_nobody_cannot_be_refreshed(bench: Bench) -> None:
    message = (await captured(bench)).replace(KATE.encode(), b"somebody").replace(b"2.0.65", b"2.9")
    with pytest.raises(WrongUsage, match="--as"):
        await send_raw(RawRequest(body=message, fresh=True), bench.calls)


# The commands


async def invoked(bench: Bench, *arguments: str) -> Result:
    """`vendor-stub ARGUMENTS` against the stand-in; in a thread, as it runs a loop of its own."""
    where = ("--gateway", bench.calls.gateway, "--identity", bench.calls.identity)
    return await asyncio.to_thread(CliRunner().invoke, main, [*arguments, *where])


VIEW = ("mini-service", "view", "--nhs-number", NUMBER, "--as", KATE)


async def test_view_prints_one_json_object_and_exits_0(bench: Bench) -> None:
    bench.gateway.reply = SHOWN
    result = await invoked(bench, *VIEW, "--permission", "yes", "--relationship", "referral", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["nhs_number"] == NUMBER
    assert [one.path for one in bench.gateway.received] == ["/relationships", "/itk"]


async def test_view_prints_text_for_people(bench: Bench) -> None:
    bench.gateway.reply = SHOWN
    result = await invoked(bench, *VIEW)
    assert result.exit_code == 0
    assert "NHS number: 999 200 0112" in result.stdout
    assert "None recorded" in result.stdout


async def test_a_refusal_exits_3_and_names_the_rule(bench: Bench) -> None:
    bench.gateway.explains = fake.known("permission-refused", "refused")
    reply = fake.response("QuerySCRResponse", "SCR-0003")
    bench.gateway.reply = replace(reply, code="permission-refused", rules="P-03")
    result = await invoked(bench, *VIEW, "--permission", "no", "--json")
    assert result.exit_code == 3
    told = json.loads(result.stdout)
    assert (told["outcome"], told["code"], told["rules"]) == ("refused", "permission-refused", ["P-03"])


async def test_print_request_leaves_the_output_alone(bench: Bench) -> None:
    bench.gateway.reply = SHOWN
    result = await invoked(bench, *VIEW, "--json", "--print-request")
    assert json.loads(result.stdout)["outcome"] == "record"
    assert bench.gateway.sent_to("/itk")[0].body in result.stderr_bytes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*VIEW, "--permission", "perhaps"), "--permission"),
        ((*VIEW, "--permission", "legal"), "--note"),
        ((*VIEW, "--until", "tomorrow", "--permission", "extended"), "YYYY-MM-DD"),
        ((*VIEW, "--system", "adastra-yzz04"), "portal-rzz09"),
        ((*VIEW, "--system", "nowhere"), "--system"),
        (("mini-service", "view", "--as", KATE), "--nhs-number"),
        (("mini-service", "nonsense"), "nonsense"),
        (("mini-service", "raw", "no-such-file"), "no-such-file"),
        (("token", "--as", "910000000999"), "nobody"),
    ],
)
async def test_wrong_usage_exits_2_and_sends_nothing(bench: Bench, arguments: tuple[str, ...], said: str) -> None:
    result = await invoked(bench, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert bench.gateway.received == []
    assert result.stdout == ""


async def test_no_gateway_exits_1(bench: Bench, unused_tcp_port: int) -> None:
    gateway = f"http://127.0.0.1:{unused_tcp_port}"
    arguments = [*VIEW, "--gateway", gateway, "--identity", bench.calls.identity]
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    assert result.exit_code == 1
    assert "could not be reached" in result.stderr
    assert NUMBER not in result.output


async def test_raw_may_be_sent_as_a_system_nobody_knows(bench: Bench, tmp_path: Path) -> None:
    message = await captured(bench)
    file = tmp_path / "message.xml"
    file.write_bytes(message)
    bench.gateway.reply = fake.fault("3000", stable="system-unknown")
    result = await invoked(bench, "mini-service", "raw", str(file), "--system", "nobody", "--fresh")
    assert result.exit_code == 3
    assert bench.gateway.received[0].headers["X-SCR-System"] == "nobody"
    assert result.stdout.startswith("HTTP 500\n")


async def test_token_prints_a_token_of_the_system_chosen(bench: Bench) -> None:
    result = await invoked(bench, "token", "--as", KATE, "--system", "emis-web-azz05")
    assert result.exit_code == 0
    part = result.stdout.strip().split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert (said["sub"], said["aud"]) == (KATE, "emis-web-azz05")


def test_help_needs_no_product() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert all(name in result.stdout for name in (*names.PRODUCTS, *names.ALIASES, "token", "serve", "cast"))


@pytest.mark.parametrize("name", [*names.PRODUCTS, *names.ALIASES])
def test_every_product_of_the_table_is_there_and_is_in_the_cast(name: str) -> None:
    found = product(name)
    assert names.ALIASES.get(name, name) == found.name
    assert commands.chosen_system(found.name, None).product == found.name
    assert CliRunner().invoke(main, [name, "view", "--help"]).exit_code == 0


@pytest.mark.parametrize("service", ["spine", "identity", "mail", "desk"])
def test_a_service_on_a_taken_port_says_so_in_a_line(service: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        folder = ["--folder", str(tmp_path)] if service == "mail" else []
        result = CliRunner().invoke(main, ["serve", service, "--port", port, *folder])
    assert result.exit_code == 1
    assert result.output.startswith("Error: this service cannot run: "), result.output
    assert "address already in use" in result.output.lower()


def test_a_service_with_a_wrong_address_names_the_option() -> None:
    result = CliRunner().invoke(main, ["serve", "desk", "--gateway", "nowhere"])
    assert (result.exit_code, "--gateway is an address such as" in result.output) == (2, True)
