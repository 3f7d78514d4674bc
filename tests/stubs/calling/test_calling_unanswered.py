"""`--json` prints an object also where no gateway answers: for every product, and for an operation of the mini service."""

import asyncio
import json

import pytest
from click.testing import CliRunner, Result

from vendor_stubs.calling.names import ALIASES, PRODUCTS
from vendor_stubs.cli import main

PERSON = ("--nhs-number", "9992000481", "--as", "910000000018")


async def asked(port: int, *arguments: str) -> Result:
    nobody = f"http://127.0.0.1:{port}"
    said = [*arguments, *PERSON, "--gateway", nobody, "--identity", nobody, "--json"]
    return await asyncio.to_thread(CliRunner().invoke, main, said)


@pytest.mark.parametrize("product", [*PRODUCTS, *ALIASES])
async def test_no_gateway_is_an_object_with_a_sentence(unused_tcp_port: int, product: str) -> None:
    result = await asked(unused_tcp_port, product, "view")
    _is_unanswered(result, unused_tcp_port)


async def test_so_it_is_for_an_operation(unused_tcp_port: int) -> None:
    _is_unanswered(await asked(unused_tcp_port, "mini-service", "status"), unused_tcp_port)


async def test_wrong_usage_is_no_outcome(unused_tcp_port: int) -> None:
    result = await asked(unused_tcp_port, "adastra", "view", "--basis", "statute")
    assert (result.exit_code, result.stdout) == (2, "")


def _is_unanswered(result: Result, port: int) -> None:
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (told["outcome"], told["code"], told["rules"], told["correlation_id"]) == ("unavailable", None, [], None)
    assert told["sentence"] == f"There is no answer to judge: 127.0.0.1:{port} could not be reached."
    assert "could not be reached" in result.stderr
