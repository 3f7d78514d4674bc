"""userinfo JSON: roles and activities as told, nothing guessed, nothing zipped, nothing malformed let through (P-09, P-10)."""

import copy
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.access import User
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, InvalidValue
from gateway.domain.identifiers import ActivityCode, UserId
from gateway.identity.userinfo import read_user
from gateway.service.identify import choose_role
from tests.identity.proving import NADIA, TOM, refusal
from vendor_stubs import cast

UID = UserId(NADIA)


def told(uid: str = NADIA) -> dict[str, Any]:
    holder = cast.user(uid)
    assert holder is not None
    return copy.deepcopy(cast.userinfo(holder))


def spoilt(**changes: Any) -> dict[str, Any]:
    """Nadia's document with members of her role changed; `...` takes one out."""
    document = told()
    role = {**document["nhsid_nrbac_roles"][0], **changes}
    document["nhsid_nrbac_roles"] = [{name: value for name, value in role.items() if value is not ...}]
    return document


def test_every_holder_of_the_cast_is_read_as_the_cast_has_them() -> None:
    for holder in cast.users():
        read = read_user(told(holder.uid), UserId(holder.uid))
        assert [role.id.value for role in read.roles] == [role.roleid for role in holder.roles]
        for got, expected in zip(read.roles, holder.roles, strict=True):
            assert {code.value for code in got.activities} == set(expected.activities or ())
            assert {team.value for team in got.teams} == set(expected.teams)
            assert (got.organisation.value, got.code) == (expected.ods, expected.code)


@pytest.mark.parametrize(
    "changes",
    [
        {"activity_codes": ...},
        {"activity_codes": None},
        {"activity_codes": []},
        {"activity_codes": ..., "activities": ["View Summary Health Records"]},
    ],
)
def test_a_role_without_activity_codes_has_none(changes: dict[str, Any]) -> None:
    """P-08: names of activities beside a missing list of codes grant nothing."""
    assert read_user(spoilt(**changes), UID).roles[0].activities == frozenset()


def test_activities_are_never_taken_by_position() -> None:
    names = ["View Summary Health Records", "Analyse Audit Trails"]
    for order in (names, names[::-1], names[:1], [], ["B0370"]):
        role = read_user(spoilt(activities=order, activity_codes=["B0264"]), UID).roles[0]
        assert role.activities == {ActivityCode("B0264")}


def test_a_user_without_roles_is_a_user_without_roles() -> None:
    """P-10."""
    document = told()
    for rows in ([], ...):
        document["nhsid_nrbac_roles"] = rows
        if rows is ...:
            del document["nhsid_nrbac_roles"]
        user = read_user(document, UID)
        assert user.roles == ()
        with pytest.raises(AccessDenied) as caught:
            choose_role(user, None, None)
        assert caught.value.code is Code.ROLE_NONE


def test_of_several_roles_one_must_be_chosen_and_be_ones_own() -> None:
    """P-09: through the document and the choice."""
    tom, nadia = read_user(told(TOM), UserId(TOM)), read_user(told(), UID)
    with pytest.raises(AccessDenied) as caught:
        choose_role(tom, None, None)
    assert caught.value.code is Code.ROLE_NOT_CHOSEN
    assert choose_role(tom, None, tom.roles[1].id) is tom.roles[1]
    with pytest.raises(AccessDenied) as caught:
        choose_role(tom, None, nadia.roles[0].id)
    assert caught.value.code is Code.ROLE_NOT_HELD


@pytest.mark.parametrize(
    "changes",
    [
        {"person_roleid": ...},
        {"person_roleid": ""},
        {"person_roleid": 555000000101},
        {"person_roleid": "55500000010"},
        {"org_code": ...},
        {"org_code": "rzz01"},
        {"org_code": ["RZZ01"]},
        {"role_code": ...},
        {"role_code": "R8000"},
        {"role_code": "S8000:G8000:R8000 "},
        {"role_name": ...},
        {"role_name": 7},
        {"role_name": "a\nb"},
        {"activity_codes": "B0370"},
        {"activity_codes": {"B0370": True}},
        {"activity_codes": ["B0370", None]},
        {"activity_codes": [["B0370"]]},
        {"activity_codes": ["B0370 "]},
        {"activity_codes": ["b0370"]},
        {"activity_codes": ["B0370"] * 1001},
        {"workgroups_codes": "RZZ01-A"},
        {"workgroups_codes": [" "]},
    ],
)
def test_a_malformed_role_spoils_the_whole_answer(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        read_user(spoilt(**changes), UID)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "910000000018",
        {},
        {"sub": 910000000018},
        {"sub": [NADIA]},
        {**told(), "name": 7},
        {**told(), "name": "x" * 301},
        {**told(), "nhsid_nrbac_roles": {}},
        {**told(), "nhsid_nrbac_roles": None},
        {**told(), "nhsid_nrbac_roles": [None]},
        {**told(), "nhsid_nrbac_roles": told()["nhsid_nrbac_roles"] * 2},
        {**told(), "nhsid_nrbac_roles": told()["nhsid_nrbac_roles"] * 201},
    ],
)
def test_a_malformed_document_is_refused(document: Any) -> None:
    with pytest.raises(InvalidValue):
        read_user(document, UID)


@pytest.mark.parametrize("name", ["sub", "uid", "nhsid_useruid"])
def test_another_users_document_is_refused(name: str) -> None:
    assert refusal(lambda: read_user({**told(), name: TOM}, UID))[0] is Code.USER_MISMATCH


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(seed=st.integers(0, 10**6), value=ANYTHING)
@settings(max_examples=300, deadline=None)
def test_nothing_in_the_document_ever_grants_more(seed: int, value: Any) -> None:
    """Whatever replaces whatever: refused, or no activity the sound document did not grant."""
    document, choose = told(), random.Random(seed)
    target = choose.choice([document, document["nhsid_nrbac_roles"][0]])
    name = choose.choice([key for key in target if key not in {"activity_codes"}])
    target[name] = value
    granted = {code.value for role in read_user(told(), UID).roles for code in role.activities}
    try:
        user: User | None = read_user(document, UID)
    except (AccessDenied, InvalidValue):
        user = None
    assert user is None or {code.value for role in user.roles for code in role.activities} <= granted
