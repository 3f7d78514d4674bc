"""`vendor-stub mini-service status|rbac|ptv|activity|verify|trace|details`: the operations as commands."""

from collections.abc import Awaitable, Callable
from typing import Any

import click

from vendor_stubs.calling import commands
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.mini_service_operations import (
    BY,
    activity,
    details,
    ptv_create,
    ptv_query,
    rbac,
    status,
    trace,
    verify,
)
from vendor_stubs.mini_service_requests import GENDERS

PRODUCT = "mini-service"
Work = Callable[..., Awaitable[ViewResult]]
Option = Callable[[Callable[..., Any]], Callable[..., Any]]

NUMBER = click.option("--nhs-number", required=True, metavar="N")
NUMBER_IF_ANY = click.option("--nhs-number", metavar="N")
BORN = click.option(
    "--date-of-birth", "born", required=True, metavar="DATE", help="YYYY-MM-DD, or less of it to search."
)
GENDER = click.option("--gender", type=click.Choice(list(GENDERS)))
NAMES = (
    click.option("--family", metavar="NAME"),
    click.option("--given", metavar="NAME"),
)
POSTCODE = click.option("--postcode", metavar="CODE")


def operation_command(name: str, text: str, work: Work, *options: Option) -> click.Command:
    """A command that asks one operation as a user of one system and prints the answer."""

    def command(uid: str, role: str | None, calling: commands.Calling, as_json: bool, **said: Any) -> None:
        async def asked() -> ViewResult:
            async with commands.open_calls(calling, product=PRODUCT) as calls:
                return await work(calls, uid, role, **said)

        commands.finish(commands.run(asked, as_json=as_json), as_json=as_json)

    command.__doc__ = text
    wrapped = commands.option_json(commands.options_of_calls(command))
    shared = (
        click.option("--as", "uid", required=True, metavar="UID"),
        click.option("--role", metavar="ROLEID"),
    )
    for option in reversed((*options, *shared)):
        wrapped = option(wrapped)
    return click.command(name)(wrapped)


def _ptv() -> click.Group:
    group = click.Group("ptv", help="Permission to view on record.")
    group.add_command(
        operation_command("query", "Is a permission on record for this user? (queryPTV)", ptv_query, NUMBER)
    )
    group.add_command(
        operation_command(
            "create",
            "Put a permission on record (createPTV).",
            ptv_create,
            NUMBER,
            click.option(
                "--for", "others", multiple=True, metavar="UID:ROLEID", help="The user unless said; up to 50."
            ),
            click.option("--until", type=commands.Day(), help="Last day."),
            click.option("--hours", type=click.IntRange(0), help="For so long from now, instead of --until."),
        )
    )
    return group


COMMANDS: tuple[click.Command, ...] = (
    operation_command("status", "Has the patient a record that may be viewed? (getSCRStatus)", status, NUMBER),
    operation_command("rbac", "What may this user open? (getRBACStatus)", rbac),
    _ptv(),
    operation_command(
        "activity",
        "Who viewed records? (querySCRActivity)",
        activity,
        click.option("--from", "start", type=commands.Day(), required=True),
        click.option("--to", "end", type=commands.Day(), required=True),
        NUMBER_IF_ANY,
        click.option("--user", metavar="UID", help="Only this professional's."),
    ),
    operation_command("verify", "Is this the patient's number? (verifyNHSNumber)", verify, NUMBER, BORN, *NAMES),
    operation_command("trace", "Find the number (getNHSNumber).", trace, BORN, GENDER, *NAMES, POSTCODE),
    operation_command(
        "details",
        "The patient's details (getPatientDetails, …ByNHSNumber, …BySearch).",
        details,
        NUMBER_IF_ANY,
        BORN,
        GENDER,
        *NAMES,
        POSTCODE,
        click.option(
            "--by", type=click.Choice(list(BY)), help="Which of the three; told from --nhs-number unless said."
        ),
    ),
)
