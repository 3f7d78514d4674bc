"""The sandbox's invented people, organisations, systems and patients, by the names others look them up with.

Loaded once from the TOML files here. Must never hold a real person or a real ODS code.
"""

from functools import cache
from typing import Any

from vendor_stubs.cast import exports, loading, smartcard
from vendor_stubs.cast.generated import generated_patient, is_nhs_number
from vendor_stubs.cast.people import (
    Organisation,
    Patient,
    PatientName,
    PermissionPolicy,
    ProofOfConcept,
    Role,
    Site,
    System,
    User,
)

__all__ = [
    "Organisation",
    "Patient",
    "PatientName",
    "PermissionPolicy",
    "ProofOfConcept",
    "Role",
    "Site",
    "System",
    "User",
    "default_system",
    "is_nhs_number",
    "organisation",
    "organisations",
    "patient",
    "patients",
    "registry_toml",
    "system",
    "systems",
    "training_csv",
    "user",
    "user_of_role",
    "userinfo",
    "users",
]


@cache
def organisations() -> tuple[Organisation, ...]:
    """Every organisation of the cast."""
    return loading.load_organisations()


@cache
def systems() -> tuple[System, ...]:
    """Every calling system of the cast."""
    return loading.load_systems()


@cache
def users() -> tuple[User, ...]:
    """Every smartcard holder of the cast."""
    return loading.load_users()


@cache
def patients() -> tuple[Patient, ...]:
    """Every patient of the cast; the generated ones are not listed anywhere."""
    return loading.load_patients()


@cache
def _organisations_by_code() -> dict[str, Organisation]:
    return {row.ods: row for row in organisations()}


@cache
def _systems_by_id() -> dict[str, System]:
    return {row.id: row for row in systems()}


@cache
def _users_by_uid() -> dict[str, User]:
    return {row.uid: row for row in users()}


@cache
def _patients_by_number() -> dict[str, Patient]:
    return {row.nhs: row for row in patients()}


@cache
def _users_by_role() -> dict[str, tuple[User, Role]]:
    return {role.roleid: (holder, role) for holder in users() for role in holder.roles}


def organisation(ods: str) -> Organisation | None:
    """The organisation with this ODS code, if the cast has it."""
    return _organisations_by_code().get(ods)


def system(system_id: str) -> System | None:
    """The calling system with this id, if the cast has it."""
    return _systems_by_id().get(system_id)


def default_system(product: str) -> System:
    """The first system of a product: the one its stub uses unless told otherwise. KeyError for an unknown product."""
    for row in systems():
        if product in {row.product, row.successor}:
            return row
    raise KeyError(product)


def user(uid: str) -> User | None:
    """The smartcard holder with this user id, if the cast has it."""
    return _users_by_uid().get(uid)


def user_of_role(roleid: str) -> tuple[User, Role] | None:
    """Who holds this role profile, and the role, if the cast has it."""
    return _users_by_role().get(roleid)


def patient(nhs: str) -> Patient | None:
    """The patient with this NHS number: of the cast, else generated, else (invalid, or not beginning with 9) None."""
    return _patients_by_number().get(nhs) or generated_patient(nhs)


def userinfo(holder: User) -> dict[str, Any]:
    """The userinfo JSON of a user, its roles (person_orgid, person_roleid, activity_codes …) as listed."""
    return smartcard.userinfo(holder, _organisations_by_code())


def registry_toml() -> str:
    """The gateway's registry for the sandbox, as TOML text."""
    return exports.registry_toml(organisations(), systems())


def training_csv() -> str:
    """The sandbox's training list, as CSV text."""
    return exports.training_csv(users())
