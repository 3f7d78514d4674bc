"""The four pages about launches say what the code does: written from its tables, their example sent to a running gateway."""

import json
import re

import pytest

from tests.doors.launch.hosts import host, send
from tests.doors.launch.launch_docs import FOLDER, TITLES, USERS, page
from tests.running import RunningSandbox, vendor_stub
from vendor_stubs import launching, rio, sonar


@pytest.mark.parametrize("product", list(TITLES))
def test_the_page_is_as_written_from_the_tables(product: str) -> None:
    """Write it anew with `python -m tests.doors.launch.launch_docs`."""
    assert (FOLDER / f"{product}.md").read_text(encoding="utf-8") == page(product)


@pytest.mark.parametrize("product", ["rio", "sonar", "pharmoutcomes"])
async def test_the_example_launches(sandbox: RunningSandbox, product: str) -> None:
    text = (FOLDER / f"{product}.md").read_text(encoding="utf-8")
    found = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert found is not None
    claims = json.loads(found[1])
    async with host(sandbox, product) as calls:
        now = int(calls.now().timestamp())
        claims |= {"iat": now, "exp": now + 60, "jti": calls.new_id()}
        claims["aud"] = claims["aud"].replace("http://127.0.0.1:8080", sandbox.gateway)
        token = launching.host_key(calls.system.id).sign(claims)
        if product == "rio":
            done = await rio.ask(calls, token)
            assert (done.status, list(json.loads(done.body))) == (201, ["code", "expires_in"])
        elif product == "sonar":
            done = await send(calls, "POST", sonar.DOOR, f"{sonar.FIELD}={token}")
            assert (done.status, done.headers["Location"]) == (303, "/launch/sign-in")
        else:
            key = await launching.gateway_key(calls)
            done = await send(calls, "GET", f"/launch/pharmoutcomes?t={launching.sealed(token, key)}")
            assert done.status == 200


@pytest.mark.parametrize("product", ["rio", "sonar", "pharmoutcomes"])
async def test_the_launch_command_prints_what_curl_can_send(sandbox: RunningSandbox, product: str) -> None:
    status, output, errors = await vendor_stub(
        sandbox, product, "launch", "--nhs-number", "9992000481", "--as", USERS[product]
    )
    assert status == 0, errors
    async with host(sandbox, product) as calls:
        if product == "rio":
            assert (await rio.ask(calls, output.strip())).status == 201
        elif product == "sonar":
            assert (await send(calls, "POST", sonar.DOOR, f"{sonar.FIELD}={output.strip()}")).status == 303
        else:
            address = output.strip().removeprefix(sandbox.gateway)
            assert (await send(calls, "GET", address, Sec_Fetch_Mode="navigate")).status == 303
