"""Reads the cast's TOML files into frozen values, filling in what each file says is usual.

Reads only the four files beside it; must never read anything of the gateway's.
"""

import tomllib
from importlib import resources
from typing import Any

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

Table = dict[str, Any]


def _table(name: str) -> Table:
    return tomllib.loads(resources.files("vendor_stubs.cast").joinpath(name).read_text(encoding="utf-8"))


def load_organisations() -> tuple[Organisation, ...]:
    """Every organisation of organisations.toml, in file order."""
    file = _table("organisations.toml")
    return tuple(_organisation(row, file["usual"]) for row in file["organisation"])


def _organisation(row: Table, usual: Table) -> Organisation:
    said = usual | row
    kind, scope, days = str(said["permission"]).split()
    settings = tuple(row["settings"])
    trial = row.get("proof_of_concept")
    return Organisation(
        ods=row["ods"],
        name=row["name"],
        settings=settings,
        sites=(Site(ods=row["ods"] + "A", settings=settings),),
        privacy_officers=tuple(row["privacy_officers"]),
        training=said["training"],
        ptv=PermissionPolicy(
            kind=kind,
            scope=scope,
            days=int(days),
            question=usual[f"question_{kind}"].format(name=row["name"], days=days),
            question_version=usual["question_version"],
        ),
        onboarding={step: day for step, day in usual["onboarding"].items() if step not in row.get("not_done", ())},
        proof_of_concept=trial and ProofOfConcept(setting=trial["setting"], start=trial["from"], until=trial["until"]),
    )


def load_systems() -> tuple[System, ...]:
    """Every calling system of systems.toml, in file order."""
    file = _table("systems.toml")
    return tuple(_system(row, file["usual"]) for row in file["system"])


def _system(row: Table, usual: Table) -> System:
    said = usual | row
    organisation = row.get("organisation")
    return System(
        id=row["id"],
        product=row["product"],
        supplier=row["supplier"],
        kind=row["kind"],
        organisation=organisation,
        site=organisation and organisation + "A",
        setting=row.get("setting"),
        purpose=said["purpose"],
        asid=row["asid"],
        client_id=row["id"],
        username=row["id"],
        networks=tuple(said["networks"]),
        operations=tuple(usual["operations"].get(row["kind"], ())),
        feeds=tuple(row.get("feeds", ())),
        user_proof=row.get("user_proof"),
        state=row.get("state"),
        successor=row.get("successor"),
    )


def load_users() -> tuple[User, ...]:
    """Every smartcard holder of users.toml, in file order."""
    file = _table("users.toml")
    return tuple(
        User(
            uid=row["uid"],
            name=row["name"],
            assurance=row.get("assurance", "AAL3"),
            trained=row.get("trained", True),
            roles=tuple(_role(role, file["activity_sets"]) for role in row["roles"]),
        )
        for row in file["user"]
    )


def _role(row: Table, activity_sets: Table) -> Role:
    activities = row.get("activities")
    if isinstance(activities, str):
        activities = activity_sets[activities]
    return Role(
        roleid=row["id"],
        ods=row["ods"],
        code=row["job"],
        activities=None if activities is None else tuple(activities),
        teams=(f"{row['ods']}-{row.get('team', 'A')}",),
    )


def load_patients() -> tuple[Patient, ...]:
    """Every patient of patients.toml, in file order."""
    file = _table("patients.toml")
    usual = file["usual"]
    return tuple(
        Patient(
            nhs=row["nhs"],
            case=row["case"],
            name=PatientName(family=row["family"], given=row["given"], title=row["title"]),
            dob=row["dob"],
            gender=row["gender"],
            address=(f"{row['house']} {usual['street']}", usual["town"]),
            postcode=row["postcode"],
            phone=row["phone"],
            gp=row.get("gp", usual["gp"]),
            died=row.get("died"),
            superseded_by=row.get("superseded_by"),
        )
        for row in file["patient"]
    )
