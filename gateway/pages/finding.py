"""Finding the patient: by NHS number first, by details second (P-11). One patient or none; a list of people is never shown.

Each look-up is a trace, decided and audited by the service. Finding a patient closes the one before.
"""

import re
from dataclasses import replace
from datetime import date

from aiohttp import web

from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InvalidValue, NoRecord
from gateway.domain.identifiers import NhsNumber
from gateway.domain.permission import AccessClaims
from gateway.domain.spine import Traits
from gateway.pages.contexts import PatientContext
from gateway.pages.forms import asked_ahead
from gateway.pages.frame import Turn
from gateway.service.calls import TraceCall
from gateway.service.outcomes import Traced

GENDERS = {"": "Any", "1": "Male", "2": "Female", "9": "Not specified"}
_POSTCODE = re.compile(r"[A-Za-z0-9 ]{2,8}", re.ASCII)


async def number_page(turn: Turn) -> web.StreamResponse:
    """GET /viewer/find. Opening it from a page of ours, or by hand, closes the patient before: one patient at a time."""
    return await _closed(turn, "find.jinja")


async def details_page(turn: Turn) -> web.StreamResponse:
    """GET /viewer/find/details."""
    return await _closed(turn, "details.jinja", genders=GENDERS, given={}, errors={})


async def _closed(turn: Turn, template: str, **values: object) -> web.Response:
    session = turn.signed_in
    if session.launched:
        return turn.go("/viewer/patient")
    if session.role is None or session.setting is None:
        return turn.go("/viewer")
    if session.context is not None and (asked_ahead(turn.request) or not turn.own_site):
        # neither a browser that fetches ahead nor another site's link closes a patient
        return turn.go("/viewer/patient")
    if session.context is not None:
        session = await turn.change(lambda stored: replace(stored, context=None))
    return turn.page(template, **({"patient": None, "session": session} | values))


def _typed_number(turn: Turn) -> NhsNumber | str:
    """The number typed, or what is wrong with it in words that do not repeat it."""
    typed = turn.form.get("nhs_number", "")
    digits = re.sub(r"[\s\u00a0\u2009-]+", "", typed)
    if not digits:
        return "Enter the patient's NHS number"
    if not re.fullmatch(r"[0-9]+", digits, re.ASCII):
        return "An NHS number has digits only, such as 999 123 4567"
    if len(digits) != 10:
        return f"An NHS number has 10 digits, this has {len(digits)}"
    try:
        return turn.frame.numbers.read(digits)
    except InvalidValue as error:
        return f"Check each digit: {error}"


async def find_by_number(turn: Turn) -> web.StreamResponse:
    """POST /viewer/find: one number, spaces allowed; its check digit is told before anything is asked."""
    number = _typed_number(turn)
    if isinstance(number, str):
        problems = [{"text": number, "href": "#nhs-number"}]
        response = turn.page(
            "find.jinja", patient=None, problems=problems, error=number, typed=turn.form.get("nhs_number", "")[:40]
        )
        return _invalid(response)
    return await _found(turn, TraceCall(action="findPatient", patient=number, traits=None, to_view=True))


async def find_by_details(turn: Turn) -> web.StreamResponse:
    """POST /viewer/find/details: exactly one match; more is "not unique" and lists nobody."""
    traits, errors = _traits(turn)
    if traits is None:
        problems = [
            {"text": text, "href": "#birth-day" if name == "birth" else f"#{name}"} for name, text in errors.items()
        ]
        response = turn.page(
            "details.jinja",
            patient=None,
            problems=problems,
            errors=errors,
            given=dict(turn.form),
            genders=GENDERS,
        )
        return _invalid(response)
    try:
        return await _found(turn, TraceCall(action="findPatient", patient=None, traits=traits))
    except NoRecord as error:
        if error.code not in {Code.PATIENT_NOT_FOUND, Code.PATIENT_NOT_UNIQUE}:
            raise
        return _not_one(turn, error)


def _not_one(turn: Turn, error: GatewayError) -> web.Response:
    """Back to the form with what was typed, nothing else."""
    text = f"{error.sentence} {error.code.entry.next_step}"
    response = turn.page(
        "details.jinja",
        patient=None,
        problems=[{"text": text, "href": "#family"}],
        errors={},
        given=dict(turn.form),
        genders=GENDERS,
    )
    response.set_status(error.code.entry.http)
    response.headers["X-SCR-Code"] = error.code.slug
    return response


def _invalid(response: web.Response) -> web.Response:
    response.set_status(Code.MESSAGE_VALUE.entry.http)
    response.headers["X-SCR-Code"] = Code.MESSAGE_VALUE.slug
    return response


def _traits(turn: Turn) -> tuple[Traits | None, dict[str, str]]:
    """What was typed, or what is wrong by field."""
    form, errors = {name: value.strip() for name, value in turn.form.items()}, {}
    family, given, postcode = form.get("family", ""), form.get("given", ""), form.get("postcode", "")
    if not 1 <= len(family) <= 35 or not family.isprintable():
        errors["family"] = "Enter the family name"
    if len(given) > 35 or not given.isprintable():
        errors["given"] = "Enter at most one given name"
    try:
        born = date(int(form.get("year", "")), int(form.get("month", "")), int(form.get("day", "")))
    except ValueError:
        born = None
        errors["birth"] = "Enter the date of birth, such as 31 3 1950"
    if postcode and not _POSTCODE.fullmatch(postcode):
        errors["postcode"] = "Enter a postcode, such as ZZ1 1ZZ"
    gender = form.get("gender", "")
    if gender not in GENDERS:
        errors["gender"] = "Choose a gender, or any"
    if errors or born is None:
        return None, errors
    traits = Traits(
        family=family,
        birth=f"{born:%Y%m%d}",
        gender=gender or None,
        given=given or None,
        postcode=postcode.upper() or None,
    )
    return traits, {}


async def _found(turn: Turn, call: TraceCall) -> web.Response:
    """Traces, and makes the patient found the session's one patient."""
    session = turn.signed_in
    setting = session.setting.code if session.setting is not None else None
    call = replace(call, credentials=turn.credentials, claims=AccessClaims(setting=setting))
    traced = await turn.frame.service.ask(call, turn.context())
    assert isinstance(traced, Traced)
    patient = traced.patient
    asked = call.patient or patient.nhs_number
    found = PatientContext(id=turn.frame.seal.secret()[:22], asked=asked, patient=patient)
    await turn.change(lambda stored: replace(stored, context=found))
    return turn.go("/viewer/patient")
