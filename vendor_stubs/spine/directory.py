"""The directory of people and roles: JSON by user id in the userinfo shape, and FHIR PractitionerRole by role profile.

Answers from the cast alone.
"""

from typing import Any

from vendor_stubs import cast
from vendor_stubs.spine.coding import uuid_of

ROLE_SYSTEM = "https://fhir.nhs.uk/Id/nhsJobRoleCode"
_ROLE_CODES = "https://fhir.nhs.uk/CodeSystem/NHSDigital-SDS-JobRoleCode"
_USERS = "https://fhir.nhs.uk/Id/sds-user-id"
_ORGANISATIONS = "https://fhir.nhs.uk/Id/ods-organization-code"


def user_document(uid: str) -> dict[str, Any] | None:
    """The userinfo document of a user id, None when nobody has it."""
    user = cast.user(uid)
    return None if user is None else cast.userinfo(user)


def practitioner_roles(asked: str) -> dict[str, Any] | None:
    """A searchset with the role profile asked for as system|URPID, empty when nobody holds it.

    None when the parameter is not of that form.
    """
    system, _, roleid = asked.partition("|")
    if system != ROLE_SYSTEM or not roleid.isdigit():
        return None
    held = cast.user_of_role(roleid)
    entries: list[dict[str, Any]] = []
    if held is not None:
        user, role = held
        resource = {
            "resourceType": "PractitionerRole",
            "id": uuid_of("practitioner role", roleid),
            "practitioner": {"identifier": {"system": _USERS, "value": user.uid}},
            "organization": {"identifier": {"system": _ORGANISATIONS, "value": role.ods}},
            "code": [{"coding": [{"system": _ROLE_CODES, "code": role.code}]}],
        }
        entries.append({"resource": resource, "search": {"mode": "match"}})
    return {
        "resourceType": "Bundle",
        "id": uuid_of("roles", asked),
        "type": "searchset",
        "total": len(entries),
        "entry": entries,
    }
