"""A reload of the registry while views run: nothing is dropped, a broken file changes nothing, a withdrawn key ends."""

import asyncio
import base64
import json
import os
import signal
from typing import Any

import aiohttp

from tests.policy_doors.yard import MINI, SEATS, SYMPHONY, SYSTMONE, Yard
from vendor_stubs.calling.http import Exchange, Wire


async def test_reloads_drop_no_request(yard: Yard) -> None:
    done = asyncio.Event()
    answered: asyncio.Queue[Any] = asyncio.Queue()

    async def viewing(number: int) -> None:
        while not done.is_set():
            await answered.put(await yard.view(SEATS[number % len(SEATS)]))

    viewers = [asyncio.create_task(viewing(number)) for number in range(6)]
    results = []
    for _ in range(10):
        await asyncio.to_thread(yard.write)
        results.append(await answered.get())
    done.set()
    await asyncio.gather(*viewers)
    results += [answered.get_nowait() for _ in range(answered.qsize())]
    assert len(results) > 10
    assert [result for result in results if result.outcome != "record"] == []


async def test_a_broken_registry_leaves_the_one_in_force(yard: Yard) -> None:
    file = yard.sandbox.data / "registry.toml"
    sound = file.read_text(encoding="utf-8")
    start = yard.sandbox.log.stat().st_size
    try:
        file.write_text(sound.replace('state = "suspended"', 'state = "asleep"'), encoding="utf-8")
        os.kill(yard.sandbox.process.pid, signal.SIGHUP)
        for _ in range(400):
            said = yard.sandbox.log.read_bytes()[start:]
            if b"registry-not-reloaded" in said:
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("no alarm")
        await asyncio.sleep(0.1)
        said = yard.sandbox.log.read_bytes()[start:]
        [line] = [json.loads(line) for line in said.splitlines() if b"registry-not-reloaded" in line]
        broken = file.read_text(encoding="utf-8").splitlines()
        numbers = [at for at, text in enumerate(broken, 1) if text == 'state = "asleep"']
        assert (line["path"], line["count"], line["command"]) == (str(file), len(numbers), "scr-gateway registry check")
        assert [int(place.split(",")[0].removeprefix("line ")) for place in line["fault"]] == numbers[:5]
        assert b"asleep" not in said
        await yard.opens(MINI)
        await yard.refused(MINI, "relationship-missing", "P-01", relationship="none")
    finally:
        yard.write()
    await yard.opens(MINI)


class Kept(Wire):
    """Uses the first token it is given for every message after."""

    answer: Exchange | None = None

    async def send(self, method: str, url: str, *, headers: Any, body: bytes = b"") -> Exchange:
        if not url.endswith("/sandbox/token"):
            return await super().send(method, url, headers=headers, body=body)
        if Kept.answer is None:
            Kept.answer = await super().send(method, url, headers=headers, body=body)
        return Kept.answer


async def test_p07_a_withdrawn_key_ends_its_tokens_at_the_reload(yard: Yard) -> None:
    Kept.answer = None
    await yard.opens(SYSTMONE, wire=Kept)
    assert Kept.answer is not None
    token = str(json.loads(Kept.answer.body)["id_token"])
    kid = json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))["kid"]
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{yard.sandbox.identity}/control", json={"withdraw": kid}) as told,
    ):
        assert told.status == 200
    await yard.opens(SYSTMONE, wire=Kept)
    yard.write()
    await yard.refused(SYSTMONE, "credentials-invalid", wire=Kept)
    for seat in (SYSTMONE, SYMPHONY):
        await yard.opens(seat)
