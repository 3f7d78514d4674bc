"""userinfo or directory JSON (CIS2 shape) -> a domain User with roles. Pure.

Activities come from activity_codes alone: the list of names beside it is in another order and is never read. A role without the
list has no activities; anything malformed spoils the whole answer, so that no half-read person views anything.
"""

import re
from typing import Any, NoReturn

from gateway.domain.access import Role, User
from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import ActivityCode, OdsCode, RoleProfileId, TeamId, UserId
from gateway.identity.refusals import refused

_ROLE_CODE = re.compile(r"S\d{4}:G\d{4}:R\d{4}", re.ASCII)
_MOST_ROLES = 200
_MOST_CODES = 1_000
_LONGEST_NAME = 300


def _malformed(why: str) -> NoReturn:
    raise InvalidValue(why)


def read_user(document: Any, expected: UserId) -> User:
    """The user `expected` as the document has them; no roles at all is possible (P-10) and not an error here.

    Raises InvalidValue where the document is malformed or speaks of no user: whoever gave it is to blame, not the user.
    AccessDenied (USER_MISMATCH) where it speaks of another.
    """
    if not isinstance(document, dict):
        _malformed("the user's document is not an object")
    ids = [document[name] for name in ("sub", "uid", "nhsid_useruid") if name in document]
    if not ids or not all(isinstance(name, str) for name in ids):
        _malformed("the user's document names no user")
    if set(ids) != {expected.value}:
        raise refused(Code.USER_MISMATCH, "the user's document is about another user")
    name, rows = document.get("name", ""), document.get("nhsid_nrbac_roles", [])
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not name.isprintable():
        _malformed("the user's name is malformed")
    if not isinstance(rows, list) or len(rows) > _MOST_ROLES:
        _malformed("the user's roles are not a list")
    roles = tuple(_read_role(row) for row in rows)
    if len({role.id for role in roles}) != len(roles):
        _malformed("a role is listed twice")
    return User(id=expected, name=name, roles=roles)


def _read_role(row: Any) -> Role:
    if not isinstance(row, dict):
        _malformed("a role is not an object")
    code, name = row.get("role_code"), row.get("role_name")
    if not isinstance(code, str) or not _ROLE_CODE.fullmatch(code):
        _malformed("a role's code is malformed")
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not name.isprintable():
        _malformed("a role's name is malformed")
    try:
        return Role(
            id=RoleProfileId(row.get("person_roleid", "")),
            organisation=OdsCode(row.get("org_code", "")),
            code=code,
            name=name,
            activities=frozenset(ActivityCode(value) for value in _codes(row, "activity_codes")),
            teams=frozenset(TeamId(value) for value in _codes(row, "workgroups_codes")),
        )
    except InvalidValue as error:
        raise InvalidValue(f"a role is malformed: {error}") from error


def _codes(row: dict[str, Any], name: str) -> list[str]:
    """A list of codes; none where the role arrives without it."""
    values = row.get(name)
    if values is None:
        return []
    if not isinstance(values, list) or len(values) > _MOST_CODES or not all(isinstance(value, str) for value in values):
        _malformed(f"{name} is not a list of codes")
    return values
