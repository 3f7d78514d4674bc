"""The JSON doors' members: each once, known, of its type; what is wrong is named by its pointer and no value repeated."""

import json

import pytest

from gateway.adapters.records import EndRelationshipsDoor, Members, PermissionsDoor, RelationshipsDoor
from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid


@pytest.mark.parametrize("door", [PermissionsDoor, RelationshipsDoor, EndRelationshipsDoor])
@pytest.mark.parametrize("second", ["same", "other", None, {"a": 1}])
def test_a_member_that_stands_twice_is_named(door: type[PermissionsDoor], second: object) -> None:
    for name in door.members:
        pairs = (f'"{name}": 1', f'"{name}": {json.dumps(second)}')
        for body in ("{" + ", ".join(pairs) + "}", "{" + ", ".join(reversed(pairs)) + "}"):
            with pytest.raises(MessageInvalid) as caught:
                Members.read(body.encode(), door.members)
            [found] = caught.value.findings
            assert (caught.value.code, found.path, found.expected) == (
                Code.MESSAGE_SCHEMA,
                f"/{name}",
                "a member given once",
            )


def test_a_member_written_with_an_escape_is_the_same_member() -> None:
    with pytest.raises(MessageInvalid) as caught:
        Members.read(b'{"answer": "no", "\\u0061nswer": "yes"}', PermissionsDoor.members)
    assert [one.path for one in caught.value.findings] == ["/answer"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"1",
        b'[["answer", "yes"]]',
        b'{"answer": NaN}',
        b'{"answer": "\\ud800"}',
        b'{"answer": "\xe9"}',
        '{"answer": "yes"}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"[" * 16_000,
        b'{"answer":' + b"[" * 900 + b"]" * 900 + b"}" + b"x",
    ],
)
def test_what_is_no_json_object_is_refused_whole(body: bytes) -> None:
    with pytest.raises(MessageInvalid) as caught:
        Members.read(body, PermissionsDoor.members)
    assert [(one.path, one.expected) for one in caught.value.findings] == [("/", "a JSON object")]


def test_members_are_kept_as_they_stand() -> None:
    members = Members.read(b'{"answer": "yes", "until": null, "kind": {"a": [1, {"b": 2}]}}', PermissionsDoor.members)
    assert (members.text("answer"), members.text("until")) == ("yes", None)
    with pytest.raises(MessageInvalid):
        members.text("kind")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("colour", "/colour"),
        ("9992000481", "/…"),
        ("999 200 0481", "/…"),
        ("born 1962-03-04", "/…"),
        ("x" * 65, "/…"),
        ("a\\u0000b", "/…"),
    ],
)
def test_a_member_nobody_knows_is_named_unless_its_name_could_hold_a_number(name: str, path: str) -> None:
    with pytest.raises(MessageInvalid) as caught:
        Members.read(f'{{"{name}": "yes"}}'.encode(), PermissionsDoor.members)
    [found] = caught.value.findings
    assert (found.path, found.sentence) == (path, f"{path} is not a member known here.")
