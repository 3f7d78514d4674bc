"""A compressed message at each viewer's door: read where it is whole and of an encoding taken, else refused in the door's own
form, on a connection that goes on.
"""

import gzip
import http.client
import zlib

import pytest
from lxml import etree

from gateway.body import decoded
from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid
from tests.doors.test_viewer_charset import TYPES, _system, doors
from tests.running import RunningSandbox

PLAIN = b"<a>nothing a door would answer</a>"
_raw = zlib.compressobj(wbits=-15)
RAW = _raw.compress(PLAIN) + _raw.flush()
WHOLE = {
    "gzip": ("gzip", gzip.compress(PLAIN)),
    "capitals": ("GZIP", gzip.compress(PLAIN)),
    "x-gzip": ("x-gzip", gzip.compress(PLAIN)),
    "two members": ("gzip", gzip.compress(PLAIN[:9]) + gzip.compress(PLAIN[9:])),
    "deflate": ("deflate", zlib.compress(PLAIN)),
    "raw deflate": ("deflate", RAW),
    "identity": ("identity", PLAIN),
}
BROKEN = {
    "br": ("br", PLAIN),
    "zstd": ("zstd", PLAIN),
    "no encoding's name": ("banana", PLAIN),
    "twice": ("gzip, gzip", gzip.compress(gzip.compress(PLAIN))),
    "not gzip": ("gzip", PLAIN),
    "no trailer": ("gzip", gzip.compress(PLAIN)[:-8]),
    "half a trailer": ("gzip", gzip.compress(PLAIN)[:-4]),
    "false checksum": ("gzip", gzip.compress(PLAIN)[:-8] + bytes(8)),
    "more behind": ("gzip", gzip.compress(PLAIN) + b"more"),
    "deflate cut short": ("deflate", zlib.compress(PLAIN)[:-2]),
    "deflate and more": ("deflate", zlib.compress(PLAIN) + b"more"),
    "not deflate": ("deflate", b"\xff" + PLAIN),
}


def _asked(sandbox: RunningSandbox, door: str) -> tuple[http.client.HTTPConnection, dict[str, str]]:
    host, port = sandbox.gateway.removeprefix("http://").split(":")
    return http.client.HTTPConnection(host, int(port), timeout=20), {
        "Content-Type": TYPES[door],
        "X-SCR-System": _system(door),
    }


@doors
def test_what_is_whole_is_read(sandbox: RunningSandbox, door: str) -> None:
    """Each encoding brings the answer that the plain message has."""
    connection, headers = _asked(sandbox, door)
    told = {}
    for name, (encoding, body) in {"plain": ("", PLAIN), **WHOLE}.items():
        connection.request("POST", f"/viewers/{door}", body, {**headers, "Content-Encoding": encoding})
        answer = connection.getresponse()
        answer.read()
        told[name] = (answer.status, answer.headers["X-SCR-Code"])
    connection.close()
    assert told["plain"][1] not in {None, "message-media-type"}
    assert set(told.values()) == {told["plain"]}, told


@doors
def test_what_is_not_is_refused_in_the_doors_form(sandbox: RunningSandbox, door: str) -> None:
    """The refusal names what is taken, and the same connection brings the next message."""
    connection, headers = _asked(sandbox, door)
    connection.connect()
    one = connection.sock
    for name, (encoding, body) in BROKEN.items():
        connection.request("POST", f"/viewers/{door}", body, {**headers, "Content-Encoding": encoding})
        answer = connection.getresponse()
        content = answer.read()
        assert (answer.version, answer.headers["X-SCR-Code"]) == (11, "message-media-type"), name
        assert answer.status == (500 if door in {"cleo", "emis-web"} else 415), name
        assert answer.headers.get_content_type() == (
            "application/problem+xml" if door == "systmone" else TYPES[door]
        ), name
        etree.fromstring(content)
        assert b"content-encoding" in content, name
        assert b"gzip" in content or b"deflate" in content, name
    assert connection.sock is one, "one connection for all of them"
    connection.close()
    assert "aiohttp.server" not in sandbox.log.read_text(encoding="utf-8")


def test_what_would_be_too_large_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 64 * 1024
    with pytest.raises(MessageInvalid) as caught:
        decoded(bomb, "gzip", 64 * 1024)
    assert caught.value.code is Code.MESSAGE_TOO_LARGE
    assert decoded(gzip.compress(bytes(64 * 1024)), "gzip", 64 * 1024) == bytes(64 * 1024)
    with pytest.raises(MessageInvalid):
        decoded(gzip.compress(bytes(64 * 1024 + 1)), "gzip", 64 * 1024)


@pytest.mark.parametrize(
    ("path", "system"),
    [("/itk", "portal-rzz09"), *((f"/viewers/{door}", _system(door)) for door in TYPES)],
)
def test_what_is_not_taken_at_all_is_told_what_would_be(sandbox: RunningSandbox, path: str, system: str) -> None:
    """A media type that is none of the door's, and a body over its bound: the finding names what is taken."""
    host, port = sandbox.gateway.removeprefix("http://").split(":")
    own = TYPES.get(path.removeprefix("/viewers/"), "text/xml")
    for sent, body, code, expected in (
        ("image/png", PLAIN, "media-type", own),
        (own, b"<a>" + b" " * 300_000 + b"</a>", "too-large", "at most "),
    ):
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        connection.request("POST", path, body, {"Content-Type": sent, "X-SCR-System": system})
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        assert answer.headers["X-SCR-Code"] == f"message-{code}"
        assert f"/errors/{code}" in content or code in content.replace(f"message-{code}", ""), content
        assert expected in content, content
