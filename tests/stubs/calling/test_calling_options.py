"""Every option of a view: what is wrong usage, what is only for the gateway to refuse, and what a door must have a place for."""

from datetime import date
from typing import Any

import pytest

from vendor_stubs.calling.errors import WrongUsage
from vendor_stubs.calling.http import address, identity_address
from vendor_stubs.calling.options import Part, RawRequest, ViewRequest
from vendor_stubs.calling.products import Product
from vendor_stubs.calling.result import ViewResult


def asked(**said: Any) -> ViewRequest:
    return ViewRequest(**{"nhs_number": "9992000112", "uid": "910000000281", **said})


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"nhs_number": ""}, "--nhs-number"),
        ({"nhs_number": "999<2000"}, "--nhs-number"),
        ({"nhs_number": "9" * 33}, "--nhs-number"),
        ({"uid": "../users"}, "--as"),
        ({"uid": ""}, "--as"),
        ({"role": "R8000"}, "--role"),
        ({"permission": "maybe"}, "--permission"),
        ({"basis": "hunch", "permission": "legal", "note": "n"}, "--basis"),
        ({"emergency_reason": "busy", "permission": "emergency", "note": "n"}, "--emergency-reason"),
        ({"relationship": "admission"}, "--relationship"),
        ({"permission": "emergency"}, "--note"),
        ({"permission": "best-interests"}, "--note"),
        ({"permission": "legal", "basis": "statute"}, "--note"),
        ({"basis": "statute"}, "--basis"),
        ({"emergency_reason": "unconscious"}, "--emergency-reason"),
        ({"until": date(2026, 1, 1), "permission": "yes"}, "--until"),
        ({"condition_note": "worse"}, "--condition-note"),
        ({"note": "bell \x07", "permission": "legal"}, "--note"),
        ({"condition_note": "half \ud800", "condition_changed": True}, "--condition-note"),
        ({"setting": "a\x00b"}, "--setting"),
    ],
)
def test_wrong_usage_names_its_option(said: dict[str, Any], named: str) -> None:
    with pytest.raises(WrongUsage, match=f"(?<!\\w){named}"):
        asked(**said)


@pytest.mark.parametrize(
    "said",
    [
        {"nhs_number": "9992000113"},  # fails its check digit
        {"nhs_number": "12"},
        {"permission": "emergency", "note": ""},
        {"permission": "emergency", "note": "x"},
        {"permission": "legal", "note": "no basis given"},
        {"permission": "extended", "until": date(1999, 1, 1)},
        {"purpose": "nonsense", "setting": "nowhere"},
        {"note": "Zoë, née Ångström: naïve \u00a0 שלום", "permission": "emergency"},
    ],
)
def test_what_the_gateway_must_judge_is_sent(said: dict[str, Any]) -> None:
    request = asked(**said)
    assert all(getattr(request, name) == value for name, value in said.items())


def test_a_number_may_be_written_as_people_read_it() -> None:
    assert asked(nhs_number="999 200 0112").nhs_number == asked(nhs_number="999-200-0112").nhs_number == "9992000112"


def test_an_emergency_has_a_reason_unless_said_otherwise() -> None:
    assert asked(permission="emergency", note="n").reason == "cannot-answer"
    assert asked(permission="emergency", note="n", emergency_reason="unconscious").reason == "unconscious"
    assert asked(permission="best-interests", note="n").reason is None
    assert asked(permission="yes").reason is None


def test_the_note_on_what_changed_is_made_of_the_note_unless_one_is_given() -> None:
    assert asked(note="one").changed_note is None
    assert asked(note="one", condition_changed=True).changed_note == "changed since the no: one"
    assert asked(note="one", condition_changed=True, condition_note="two").changed_note == "two"


def test_no_patient_and_no_note_in_the_repr() -> None:
    text = repr(asked(note="secret words", permission="legal", date_of_birth=date(1980, 2, 3)))
    assert "9992000112" not in text
    assert "secret" not in text
    assert "1980" not in text


FULL = asked(
    role="555000000129", permission="emergency", emergency_reason="unconscious", note="n", condition_changed=True,
    condition_note="c", confirm_deceased=True, relationship="self-claimed", purpose="p", setting="s",
    date_of_birth=date(1980, 1, 1),
)  # fmt: skip
PARTS = {
    Part.BASIS: asked(permission="legal", note="n", basis="statute"),
    Part.UNTIL: asked(permission="extended", until=date(2026, 1, 1)),
    **dict.fromkeys(set(Part) - {Part.BASIS, Part.UNTIL}, FULL),
}


async def _nothing(*_: object) -> ViewResult:
    raise AssertionError("not asked")


@pytest.mark.parametrize("part", list(Part))
def test_a_door_without_a_place_for_a_part_says_which(part: Part) -> None:
    request = PARTS[part]
    Product(name="any", view=_nothing).check(request)
    narrow = Product(name="narrow", view=_nothing, carries=frozenset(set(Part) - {part}))
    with pytest.raises(WrongUsage, match=f"narrow door has no place for {part.value}"):
        narrow.check(request)
    narrow.check(asked(permission="yes", relationship="referral"))


def test_a_door_may_not_know_a_permission_or_a_combination() -> None:
    narrow = Product(name="narrow", view=_nothing, permissions=frozenset({"yes", "no"}))
    with pytest.raises(WrongUsage, match="--permission not-asked"):
        narrow.check(asked())
    picky = Product(name="picky", view=_nothing, refuses=lambda request: "not on a Sunday" if request.note else None)
    with pytest.raises(WrongUsage, match="Sunday"):
        picky.check(asked(note="n", permission="legal"))
    picky.check(asked())


def test_the_identity_stub_stands_two_ports_up() -> None:
    assert identity_address("http://127.0.0.1:8080") == "http://127.0.0.1:8082"
    assert identity_address("http://[::1]:9000") == "http://[::1]:9002"


@pytest.mark.parametrize(
    "gateway",
    [
        "127.0.0.1:8080",
        "ftp://127.0.0.1:8080",
        "http://gateway",
        "http://:8080",
        "http://h:x",
        "https://127.0.0.1:8443",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://127.0.0.1:65534",
        "http://[::1:8080",
        "http://127.0.0.1:8080\r\nX-SCR-System: other",
    ],
)
def test_an_address_it_cannot_be_told_from_is_wrong_usage(gateway: str) -> None:
    with pytest.raises(WrongUsage, match="--gateway"):
        identity_address(gateway)


@pytest.mark.parametrize(
    "wrong", ["127.0.0.1:8082", "http://127.0.0.1:65536", "http://127.0.0.1:8 082", "http://h\n:1"]
)
def test_what_is_no_address_is_named_by_its_option(wrong: str) -> None:
    with pytest.raises(WrongUsage, match=r"^--identity is an address such as http://.*from 1 to 65535$"):
        address("--identity", wrong)
    assert address("--identity", "https://identity.example/") == "https://identity.example"


@pytest.mark.parametrize("wrong", ["text/xml\r\nX-SCR-System: other", "text/xml\n", "téxt/xml"])
def test_a_media_type_that_no_header_can_carry_is_wrong_usage(wrong: str) -> None:
    with pytest.raises(WrongUsage, match="--content-type"):
        RawRequest(body=b"", content_type=wrong)
