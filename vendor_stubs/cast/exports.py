"""What the sandbox hands to the gateway as text: its registry (TOML) and its training list (CSV).

Writes the field names the registry's readers know; must never write a patient.
"""

import csv
import io
import json

from vendor_stubs.cast.people import Organisation, System, User

TRAINING_MODULE = "scr-e-learning"
TRAINING_TOPICS = "1"
TRAINING_DATE = "2025-09-01"


def _toml(value: str | int | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)  # a JSON string or whole number is a TOML one


def _inline(**fields: str | int | tuple[str, ...]) -> str:
    return "{ " + ", ".join(f"{name} = {_toml(value)}" for name, value in fields.items()) + " }"


def _organisation_lines(row: Organisation) -> list[str]:
    policy = row.ptv
    sites = ", ".join(_inline(ods=site.ods, settings=site.settings) for site in row.sites)
    lines = [
        "[[organisation]]",
        f"ods = {_toml(row.ods)}",
        f"name = {_toml(row.name)}",
        f"settings = {_toml(row.settings)}",
        f"sites = [{sites}]",
        f"privacy_officers = {_toml(row.privacy_officers)}",
        f"training = {_toml(row.training)}",
        "ptv = "
        + _inline(
            kind=policy.kind,
            scope=policy.scope,
            days=policy.days,
            question=policy.question,
            question_version=policy.question_version,
        ),
        f"onboarding = {_inline(**row.onboarding)}",
    ]
    if row.proof_of_concept is not None:
        trial = row.proof_of_concept
        lines.append(
            "proof_of_concept = " + _inline(**{"setting": trial.setting, "from": trial.start, "until": trial.until})
        )
    return lines


def _system_lines(row: System) -> list[str]:
    told: dict[str, str | tuple[str, ...] | None] = {
        "id": row.id,
        "product": row.product,
        "supplier": row.supplier,
        "kind": row.kind,
        "organisation": row.organisation,
        "site": row.site,
        "setting": row.setting,
        "purpose": row.purpose,
        "asid": row.asid,
        "client_id": row.client_id,
        "username": row.username,
        "networks": row.networks,
        "operations": row.operations,
        "user_proof": row.user_proof,
        "state": row.state,
        "successor": row.successor,
        "feeds": row.feeds,
    }
    return ["[[system]]", *(f"{name} = {_toml(value)}" for name, value in told.items() if value)]


def registry_toml(organisations: tuple[Organisation, ...], systems: tuple[System, ...]) -> str:
    """The sandbox's registry: one [[organisation]] or [[system]] table each, a blank line between them."""
    blocks = [_organisation_lines(row) for row in organisations] + [_system_lines(row) for row in systems]
    opening = "# The sandbox's registry: invented organisations and systems. No live gateway accepts it.\n\n"
    return opening + "\n\n".join("\n".join(block) for block in blocks) + "\n"


def training_csv(users: tuple[User, ...]) -> str:
    """The sandbox's training list: one line per user who did the module, on a fixed date (P-77, P-78)."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("uid", "module", "topics_version", "passed", "date"))
    for user in users:
        if user.trained:
            rows.writerow((user.uid, TRAINING_MODULE, TRAINING_TOPICS, "true", TRAINING_DATE))
    return text.getvalue()
