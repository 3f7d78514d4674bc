"""A user of the cast as the identity service and the directory tell it: the userinfo JSON with national RBAC roles.

Both stubs answer from here, so that they cannot disagree; must never say more of a role than the cast does.
"""

from typing import Any

from vendor_stubs.cast.generated import digest_of
from vendor_stubs.cast.people import Organisation, Role, User

_ROLE_NAMES = {
    "S8000:G8000:R8000": '"Clinical":"Clinical Provision":"Clinical Practitioner Access Role"',
    "S8000:G8000:R8001": '"Clinical":"Clinical Provision":"Nurse Access Role"',
    "S8000:G8000:R8003": '"Clinical":"Clinical Provision":"Health Professional Access Role"',
    "S8001:G8002:R8008": '"Admin and Clerical":"Clinical Support":"Admin/Clinical Support Access Role"',
    "S8002:G8003:R0001": '"Admin and Clerical":"Admin and Clerical":"Privacy Officer"',
    "S0010:G0020:R0260": '"Medical and Dental":"Medical":"General Medical Practitioner"',
    "S0080:G0450:R5080": '"Admin and Clerical":"Registration Authority":"Registration Authority Manager"',
}
_ACTIVITY_NAMES = {
    "B0264": "Access SCR Application (Perform Patient Trace)",
    "B0370": "View Summary Health Records",
    "B0257": "Claim a Relationship with a Patient",
    "B0168": "View Records when Permission Cannot be Asked",
    "B0082": "Legal Override of Consent",
    "B0015": "Receive Legal Override and Emergency View Alerts",
    "B0016": "Receive Self Claimed LR Alerts",
    "B0011": "Analyse Audit Trails",
    "B1300": "Approve RA Requests",
    "B0002": "Administer Registration Authority",
}


def person_orgid(user: User, ods: str) -> str:
    """Twelve digits that stand for this person at this organisation."""
    return f"554{int.from_bytes(digest_of('person-org', user.uid, ods)[:6]) % 10**9:09d}"


def _role_json(user: User, role: Role) -> dict[str, Any]:
    told: dict[str, Any] = {
        "person_orgid": person_orgid(user, role.ods),
        "person_roleid": role.roleid,
        "org_code": role.ods,
        "role_name": _ROLE_NAMES[role.code],
        "role_code": role.code,
    }
    if role.activities is not None:
        # two lists in different orders on purpose: the real ones may not be zipped by position either
        told["activities"] = sorted(_ACTIVITY_NAMES[code] for code in role.activities)
        told["activity_codes"] = list(role.activities)
    told |= {"workgroups": list(role.teams), "workgroups_codes": list(role.teams), "aow": [], "aow_codes": []}
    return told


def userinfo(user: User, organisations: dict[str, Organisation]) -> dict[str, Any]:
    """The userinfo document of one user; organisations (by ODS code) give the names of the ones it belongs to."""
    codes = dict.fromkeys(role.ods for role in user.roles)
    return {
        "sub": user.uid,
        "nhsid_useruid": user.uid,
        "uid": user.uid,
        "name": user.name,
        "family_name": user.family_name,
        "given_name": user.given_name,
        "nhsid_nrbac_roles": [_role_json(user, role) for role in user.roles],
        "nhsid_user_orgs": [{"org_name": organisations[ods].name.upper(), "org_code": ods} for ods in codes],
    }
