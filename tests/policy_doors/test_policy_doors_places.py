"""P-12, P-16, P-21 and P-30 to P-79 through doors: networks, settings, purposes, and how an organisation is set up."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.policy.settings import shipped
from tests.policy_doors.yard import ADASTRA, EMIS, MINI, SCRA, SEATS, SYMPHONY, SYSTMONE, Seat, Yard, at, doors
from tests.running import gateway_command
from vendor_stubs import cast, scra
from vendor_stubs.calling.preparation import id_token
from vendor_stubs.cast import Organisation
from vendor_stubs.pages import Browser

FRANK = "910000000299"
UNTRAINED = "Your Summary Care Record training is not on record. Please complete it."
APPROVED = {
    "P-30": ("YZZ04", "111", "555000000145"),
    "P-31": ("RZZ01", "accident_and_emergency", "555000000111"),
    "P-32": ("RZZ01", "acute_assessment", "555000000111"),
    "P-33": ("RZZ03", "ambulance", "555000000146"),
    "P-34": ("AZZ06", "community_care", "555000000148"),
    "P-35": ("YZZ04", "gp_out_of_hours", "555000000145"),
    "P-36": ("AZZ05", "gp_temporary_or_non_registered", "555000000147"),
    "P-37": ("FZZ08", "community_pharmacy", "555000000151"),
    "P-38": ("RZZ01", "hospital_pharmacy", "555000000111"),
    "P-39": ("RZZ01", "minor_injury_units", "555000000111"),
    "P-40": ("RZZ09", "scheduled_care", "555000000152"),
    "P-41": ("RZZ02", "mental_health", "555000000149"),
    "P-42": ("AZZ06", "health_and_justice", "555000000148"),
    "P-43": ("AZZ06", "hospices", "555000000148"),
    "P-44": ("AZZ05", "primary_care", "555000000147"),
    "P-45": ("RZZ02", "substance_misuse", "555000000149"),
}
"""Rule -> an organisation of the cast with that setting, and the role of somebody there who may view."""
NOT_APPROVED = {
    "P-50": ("VZZ10", "dentistry"),
    "P-51": ("VZZ17", "care_home"),
    "P-52": ("TZZ18", "optometry"),
    "P-53": ("PZZ19", "private_gp"),
    "P-54": ("PZZ11", "private_hospital"),
    "P-55": ("LZZ20", "adult_social_care"),
    "P-56": ("SZZ21", "sexual_and_reproductive_health"),
}
REFUSED = {"P-60": ("UZZ13", "research"), "P-61": ("GZZ12", "police"), "P-62": ("CZZ14", "non-clinical-cosmetics")}


def held(ods: str) -> str:
    """The role in which one and the same clinician works at an organisation that may not view."""
    return next(role.roleid for role in cast.user(FRANK).roles if role.ods == ods)  # type: ignore[union-attr]


def portal(ods: str) -> Seat:
    """That clinician at that organisation's mini-service system."""
    return at(MINI, system=f"portal-{ods.lower()}", uid=FRANK, role=held(ods), ods=ods)


def moved(ods: str, setting: str) -> Any:
    """The registry where the mini-service system of another trust stands in this place instead."""
    return lambda row: at(row, organisation=ods, site=f"{ods}A", setting=setting) if row.id == MINI.system else row


def only(ods: str, **changes: Any) -> Any:
    """One organisation changed, the others as they are."""
    return lambda row: at(row, **changes) if row.ods == ods else row


async def test_p30_to_p45_each_approved_setting_opens_and_still_needs_a_relationship(yard: Yard) -> None:
    assert {setting: rule for rule, (_, setting, _) in APPROVED.items()} == dict(shipped()[-1].approved)
    for ods, setting, role in APPROVED.values():
        uid = cast.user_of_role(role)[0].uid  # type: ignore[index]
        seat = at(MINI, uid=uid, role=role, ods=ods)
        with yard.registry(system=moved(ods, setting)):
            opened = await yard.opens(seat)
            assert (opened["setting"], opened["organisation"]) == (setting, ods)
            await yard.refused(seat, "relationship-missing", "P-01", relationship="none")
            other = "ambulance" if setting != "ambulance" else "hospices"
            await yard.refused(seat, "setting-not-registered", "P-15", setting=other)
        viewer = at(SCRA, uid=uid, role=role, ods=ods, setting=setting)
        assert (await yard.opens(viewer, relationship="self-claimed"))["setting"] == setting


async def test_p36_a_practices_own_registered_patient_needs_neither(yard: Yard) -> None:
    number = "9992013060"
    nothing = {"permission": "not-asked", "relationship": "none"}
    with yard.registry(system=moved("AZZ05", "primary_care")):  # the rule holds whichever label the practice uses
        practice = (EMIS, at(MINI, role="555000000147", ods="AZZ05"))
        for seat in practice:
            opened = await yard.opens(seat, nhs_number=number, **nothing)
            assert opened["basis"] == "not_applicable_registered"
            await yard.refused(seat, "relationship-missing", "P-01", **nothing)
            await yard.refused(seat, "permission-missing", "P-02", permission="not-asked")
        await yard.refused(SYSTMONE, "relationship-missing", "P-01", nhs_number=number, **nothing)
        for seat in practice:
            await yard.refused(seat, "permission-refused", "P-03", nhs_number=number, permission="no")
            await yard.refused(seat, "permission-refused", "P-03", nhs_number=number, **nothing)


@pytest.mark.parametrize("rule", NOT_APPROVED)
async def test_p50_to_p57_a_setting_not_approved_opens_for_a_trial_of_its_own_only(yard: Yard, rule: str) -> None:
    ods, setting = NOT_APPROVED[rule]
    seat = portal(ods)
    await yard.refused(seat, "setting-not-approved", rule, "P-57")
    running = cast.organisation("VZZ16").proof_of_concept  # type: ignore[union-attr]
    with yard.registry(organisation=only(ods, proof_of_concept=at(running, setting=setting))):
        assert (await yard.opens(seat, relationship="self-claimed"))["setting"] == setting
        await yard.refused(seat, "permission-missing", "P-02", relationship="self-claimed", permission="not-asked")
    for start, until in (("2020-01-01", "2020-12-31"), ("2098-01-01", "2099-01-01")):
        trial = at(running, setting=setting, start=start, until=until)
        with yard.registry(organisation=only(ods, proof_of_concept=trial)):
            await yard.refused(seat, "setting-not-approved", rule, "P-57", relationship="self-claimed")


async def test_p57_another_organisations_trial_opens_nothing(yard: Yard) -> None:
    await yard.opens(portal("VZZ16"))
    await yard.refused(portal("VZZ10"), "setting-not-approved", "P-50", "P-57", relationship="self-claimed")
    await yard.refused(portal("VZZ23"), "setting-not-approved", "P-50", "P-57", relationship="self-claimed")


@doors
async def test_p58_a_setting_on_no_list_is_refused(yard: Yard, seat: Seat) -> None:
    await yard.opens(seat)
    await yard.refused(seat, "setting-unknown", "P-58", setting="veterinary")
    await yard.refused(portal("VZZ22"), "setting-unknown", "P-58", relationship="self-claimed")


async def test_p59_a_setting_that_is_not_open_is_pointed_to_the_interest_form(yard: Yard) -> None:
    for ods in ("VZZ10", "VZZ22"):
        result = await yard.view(portal(ods), relationship="self-claimed")
        assert "/interest" in result.next_step, result
    assert "/interest" not in (await yard.view(MINI, relationship="none")).next_step
    async with yard.calling("scra") as calls:
        page = await Browser(calls).get("/interest?kind=setting")
        assert page.exchange.status == 200
        assert page.find("//form[@action='/interest']")


@doors
@pytest.mark.parametrize(
    "purpose", ["research", "clinical-trial", "police", "other-government", "non-clinical-cosmetics"]
)
async def test_p60_to_p63_a_refused_purpose_opens_nothing_at_any_door(yard: Yard, seat: Seat, purpose: str) -> None:
    rule = {"research": "P-60", "clinical-trial": "P-60", "non-clinical-cosmetics": "P-62"}.get(purpose, "P-61")
    await yard.refused(seat, "purpose-refused", rule, "P-63", purpose=purpose)
    await yard.refused(
        seat,
        "purpose-refused",
        rule,
        "P-63",
        purpose=purpose,
        permission="legal",
        basis="court-order",
        note=yard.note(),
    )


@pytest.mark.parametrize("rule", REFUSED)
async def test_p60_to_p63_nor_for_a_system_registered_for_it_whatever_its_registration(yard: Yard, rule: str) -> None:
    ods, purpose = REFUSED[rule]
    seat = portal(ods)
    await yard.refused(seat, "purpose-refused", rule, "P-63", relationship="self-claimed", purpose=purpose)
    await yard.refused(seat, "purpose-refused", rule, "P-63", relationship="self-claimed")
    setting = purpose.replace("-", "_")
    trial = at(cast.organisation("VZZ16").proof_of_concept, setting=setting)  # type: ignore[union-attr]
    with yard.registry(organisation=only(ods, proof_of_concept=trial)):
        await yard.refused(seat, "purpose-refused", rule, "P-63", relationship="self-claimed")
    await yard.opens(SYSTMONE)


@doors
async def test_p64_the_audit_says_which_edition_of_the_lists_applied(yard: Yard, seat: Seat) -> None:
    edition = shipped()[-1].version
    assert (await yard.opens(seat))["policy_version"] == edition
    assert (await yard.refused(seat, "relationship-missing", relationship="none"))["policy_version"] == edition


STEPS = {
    "P-70": "interest",
    "P-71": "sites_agreed",
    "P-72": "it_assessed",
    "P-73": "training_planned",
    "P-74": "staff_and_codes",
    "P-75": "privacy_officer",
}


@pytest.mark.parametrize("rule", STEPS)
async def test_p70_to_p75_each_step_of_the_set_up_is_needed_at_every_door(yard: Yard, rule: str) -> None:
    def undone(row: Organisation) -> Organisation:
        return at(row, onboarding={name: day for name, day in row.onboarding.items() if name != STEPS[rule]})

    def tomorrow(row: Organisation) -> Organisation:
        return at(row, onboarding={**row.onboarding, STEPS[rule]: "2099-01-01"})

    with yard.registry(organisation=undone):
        for seat in SEATS:
            await yard.refused(seat, "organisation-not-live", rule)
    with yard.registry(organisation=tomorrow):
        await yard.refused(MINI, "organisation-not-live", rule)
    await yard.opens(MINI)


async def test_p71_a_view_comes_from_a_site_agreed_for_its_setting(yard: Yard, tmp_path: Path) -> None:
    assert (await yard.opens(SYSTMONE))["site"] == "AZZ06A"
    for wrong in ('site = "AZZ06B"', 'site = "RZZ01A"'):
        file = tmp_path / "registry.toml"
        file.write_text(cast.registry_toml().replace('site = "AZZ06A"', wrong), encoding="utf-8")
        told = CliRunner().invoke(main, ["registry", "check", str(file)])
        assert told.exit_code == 1
        assert "not a site of organisation AZZ06" in told.output


async def test_p75_without_a_trained_privacy_officer_views_stop(yard: Yard) -> None:
    for officers in ((), ("910000000091",)):
        with yard.registry(organisation=only("RZZ09", privacy_officers=officers)):
            await yard.refused(MINI, "organisation-not-live", "P-75")
    await yard.opens(MINI)


async def test_p76_the_steps_may_be_done_in_any_order(yard: Yard) -> None:
    steps = list(cast.organisation("RZZ09").onboarding)  # type: ignore[union-attr]
    backwards = {step: f"2025-0{9 - n}-01" for n, step in enumerate(steps)}
    with yard.registry(organisation=only("RZZ09", onboarding=backwards)):
        await yard.opens(MINI)
    await yard.refused(portal("RZZ24"), "organisation-not-live", "P-72", relationship="self-claimed")
    async with yard.calling("scra") as calls:
        browser = Browser(calls)
        await scra.sign_in(browser, SYMPHONY.plain[0], None)
        page = await browser.get("/organisations")
    assert page.exchange.status == 200
    assert "Weir Bank" in " ".join(page.find("//main")[0].text_content().split())


async def test_p77_training_is_warned_of_or_enforced_by_each_organisation(yard: Yard) -> None:
    bailey: dict[str, Any] = {"uid": "910000000091"}
    warned = await yard.view(SYMPHONY, **bailey, role="555000000109")
    assert (warned.outcome, warned.notices) == ("record", (UNTRAINED,))
    assert not (await yard.view(SYMPHONY)).notices
    await yard.refused(SYSTMONE, "user-training", "P-77", **bailey, role="555000000110")
    with yard.registry(organisation=only("RZZ01", training="enforce")):
        await yard.refused(SYMPHONY, "user-training", "P-77", **bailey, role="555000000109")
        await yard.opens(SYMPHONY)


async def test_p78_a_training_record_holds_module_topics_and_date(yard: Yard, tmp_path: Path) -> None:
    rows = yard.rows("SELECT * FROM training WHERE user_id = ?", SYMPHONY.uid)
    assert rows
    assert {"module", "topics_version", "passed"} <= rows[0].keys()
    assert rows[0]["topics_version"] == "1"
    bad = tmp_path / "training.csv"
    bad.write_text("uid,module,passed,date\n910000000091,scr-e-learning,true,2025-09-01\n", encoding="utf-8")
    config = str(yard.sandbox.data / "gateway.toml")
    status, said = await gateway_command("training", "import", str(bad), "--config", config)
    assert status != 0, said
    assert "topics_version" in said


async def test_p79_in_community_pharmacy_every_view_alerts(yard: Yard) -> None:
    for name, ods, role in (
        ("sonar", "FZZ07", "555000000150"),
        ("pharmoutcomes", "FZZ08", "555000000151"),
    ):
        seat = at(SCRA, product=name, system=cast.default_system(name).id, role=role, ods=ods, setting=None)
        result = await yard.view(seat)
        assert result.outcome == "record", result
        [row] = yard.rows("SELECT type, reason FROM alert WHERE correlation_id = ?", result.correlation_id)
        assert (row["type"], row["reason"]) == ("1", "6")
    assert yard.alert(await yard.opens(SYMPHONY)) is None


@doors
async def test_p12_a_request_from_another_network_is_refused(yard: Yard, seat: Seat) -> None:
    await yard.opens(seat)
    with yard.registry(system=lambda row: at(row, networks=("10.0.0.0/8",)) if row.id == seat.system else row):
        result = await yard.view(seat)
        assert (result.outcome, result.code, result.record) == ("refused", "system-network", None)
        assert "P-12" in result.rules
        assert [one for one in yard.entries(result.correlation_id) if one["code"] == "system-network"]
    await yard.refused(at(MINI, system="portal-rzz09-offnet"), "system-network", "P-12")


QUESTION = "May the night team of Calder look at your Summary Care Record for your care until Friday?"


def asking(**changes: Any) -> Any:
    """The registry where Calder asks its patients in other words."""
    policy = at(cast.organisation("YZZ04").ptv, **changes)  # type: ignore[union-attr]
    return only("YZZ04", ptv=policy)


async def test_p16_the_question_shown_names_who_looks_what_for_and_how_long(yard: Yard) -> None:
    usual = cast.organisation("YZZ04").ptv.question  # type: ignore[union-attr]
    assert all(word in usual for word in ("Calder Urgent Care", "your care", "2 days"))
    for question in (usual, QUESTION):
        with yard.registry(organisation=asking(question=question)):
            async with yard.calling("scra") as calls:
                browser = Browser(calls)
                page = await scra.sign_in(browser, ADASTRA.plain[0], None)
                page = await browser.post(page, "/viewer/setting", {"setting": "gp_out_of_hours"})
                page = await browser.post(page, "/viewer/find", {"nhs_number": yard.number()})
                page = await browser.post(page, "/viewer/patient", {"relationship": "self-claimed"})
            assert question in page.find("//main")[0].text_content()


async def test_p21_the_version_of_the_question_is_kept_with_the_answer(yard: Yard) -> None:
    for version in ("1", "7"):
        with yard.registry(organisation=asking(question=QUESTION, question_version=version)):
            for seat in (ADASTRA, SCRA):
                number = yard.number()
                assert (await yard.opens(seat, nhs_number=number))["question_version"] == version
                assert yard.answers(number)[0]["question_version"] == version


async def recorded(yard: Yard, **document: str) -> tuple[int, dict[str, Any]]:
    """POST /permissions at Adastra's organisation: the status and the body."""
    async with yard.calling(ADASTRA.system) as calls:
        token = await id_token(calls, *ADASTRA.plain)
        headers = {
            "X-SCR-System": ADASTRA.system,
            "Content-Type": "application/json",
            "Authorization": f"Bearer {token}",
        }
        said = json.dumps({"answer": "yes", **document}).encode()
        answer = await calls.wire.send("POST", f"{calls.gateway}/permissions", headers=headers, body=said)
        return answer.status, json.loads(answer.body)


async def test_p21_an_answer_names_a_version_that_the_organisation_has_or_had(yard: Yard) -> None:
    with yard.registry(organisation=asking(question=QUESTION, question_version="8")):
        (yard.sandbox.data / "registry.toml").write_text(
            (yard.sandbox.data / "registry.toml")
            .read_text(encoding="utf-8")
            .replace('question_version = "8"', 'question_version = "8", earlier_versions = ["6", "7"]'),
            encoding="utf-8",
        )
        yard.reload()
        for version in ("8", "7", "6"):
            number = yard.number()
            assert (await recorded(yard, nhs_number=number, question_version=version))[0] == 201
            assert [row["question_version"] for row in yard.answers(number)] == [version]
        number = yard.number()
        assert (await recorded(yard, nhs_number=number))[0] == 201
        assert yard.answers(number)[0]["question_version"] == "8"
        for wrong in ("1", "9", "<b>8</b>", "8" * 33, "8\n", " 8"):
            number = yard.number()
            status, problem = await recorded(yard, nhs_number=number, question_version=wrong)
            assert (status, problem["code"], problem["findings"][0]["path"]) == (
                400,
                "message-value",
                "/question_version",
            )
            assert yard.answers(number) == []


@pytest.mark.parametrize(("name", "rule"), [("question", "P-21"), ("question_version", "P-21"), ("scope", "P-20")])
def test_p20_to_p21_an_organisation_without_scope_or_question_is_no_registry(
    tmp_path: Path, name: str, rule: str
) -> None:
    sound, broken = tmp_path / "sound.toml", tmp_path / "broken.toml"
    sound.write_text(cast.registry_toml(), encoding="utf-8")
    broken.write_text(re.sub(rf', {name} = "[^"]*"', "", cast.registry_toml(), count=1), encoding="utf-8")
    assert CliRunner().invoke(main, ["registry", "check", str(sound)]).exit_code == 0
    told = CliRunner().invoke(main, ["registry", "check", str(broken)])
    assert told.exit_code == 1
    assert rule in told.output
