"""The registry's TOML: the sandbox's own passes, every fault in a spoilt one is told with its line, nothing is guessed (P-12..P-84)."""

import re
import tomllib
from collections.abc import Collection
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.access import PermissionKind, SystemKind, SystemState, UserProof
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import Asid, OdsCode, SystemId, TeamId
from gateway.identity.registry import CurrentRegistry
from gateway.identity.registry_check import check, load, read
from gateway.identity.registry_lines import Lines
from gateway.identity.registry_organisations import Known
from gateway.identity.registry_systems import LENIENCES
from gateway.xml.itk import Leniences
from vendor_stubs import cast

PRINT = "sha256:" + "ab" * 32
GOOD = f"""\
revoked = ["sha256:{"cd" * 32}"]

[[organisation]]
ods = "RZZ01"
name = "Northbrook"
settings = ["scheduled_care", "ambulance"]
sites = [
    {{ ods = "RZZ01A", settings = ["scheduled_care"] }},  # a [comment] with "brackets" {{
]
privacy_officers = ["910000000034"]
ptv = {{ kind = "extended", scope = "team", days = 7, question = "May we at Northbrook see it [for] your care for 7 days?", question_version = "1" }}

[organisation.onboarding]
interest = 2025-01-01
sites_agreed = "2025-02-01"
it_assessed = 2025-03-01
training_planned = 2025-04-01
staff_and_codes = 2025-05-01
privacy_officer = 2025-06-01

[[system]]
id = "portal"
product = "mini-service"
supplier = "in-house"
kind = "mini_service"
organisation = "RZZ01"
site = "RZZ01A"
setting = "scheduled_care"
purpose = "direct-care"
asid = "200000000001"
client_id = "portal"
username = "portal"
networks = ["10.0.0.0/8", "2001:db8::/32"]
operations = ["querySCR"]
certificates = ["{PRINT}"]
rate = {{ per_second = 5, burst = 20 }}
leniences = ["missing-to"]

[[system]]
id = "scra"
product = "scra"
supplier = "NHS England"
kind = "standalone"
purpose = "direct-care"
asid = "200000000002"
client_id = "scra"
username = "scra"
networks = ["10.0.0.0/8"]
"""


def line_of(fragment: str, text: str = GOOD, nth: int = 1) -> int:
    """Line of the nth occurrence of a fragment."""
    found = [at for at, line in enumerate(text.splitlines(), 1) if fragment in line]
    return found[nth - 1]


def test_a_sound_registry_is_read_without_a_word() -> None:
    registry, faults = read(GOOD)
    assert faults == ()
    assert registry is not None
    portal = registry.system(SystemId("portal"))
    assert portal is not None
    assert (portal.kind, portal.state, portal.user_proof) == (
        SystemKind.MINI_SERVICE,
        SystemState.ACTIVE,
        UserProof.TOKEN,
    )
    assert (portal.rate_per_second, portal.burst) == (5, 20)
    assert portal.certificates == {"ab" * 32}
    assert portal.leniences == {"missing-to"}
    northbrook = registry.organisation(OdsCode("RZZ01"))
    assert northbrook is not None
    assert (northbrook.permission.kind, northbrook.permission.days) == (PermissionKind.EXTENDED, 7)
    assert len(northbrook.onboarding) == 6


def test_look_ups_find_by_every_proof_and_nothing_else() -> None:
    registry = load(GOOD)
    portal = registry.system(SystemId("portal"))
    assert registry.system_by_certificate("ab" * 32) is portal
    assert registry.system_by_client_id("portal") is portal
    assert registry.system_by_username("portal") is portal
    assert registry.system_by_asid(Asid("200000000001")) is portal
    assert registry.systems_of("mini-service") == (portal,)
    assert registry.system_by_certificate("cd" * 32) is None
    assert registry.system_by_client_id("PORTAL") is None
    assert registry.system(SystemId("other")) is None
    assert registry.organisation(OdsCode("RZZ01A")) is None, "a site is not an organisation"
    assert registry.sandbox_codes == ("RZZ01", "RZZ01A")


def test_the_casts_registry_has_warnings_only() -> None:
    registry, faults = read(cast.registry_toml())
    assert registry is not None
    assert [row.id.value for row in registry.systems] == [row.id for row in cast.systems()]
    assert [row.ods.value for row in registry.organisations] == [row.ods for row in cast.organisations()]
    assert all(fault.warning for fault in faults)
    told = {(fault.path, fault.sentence.split(":")[0]) for fault in faults}
    not_live = {path for path, sentence in told if sentence == "Not live"}
    ods = [row.ods for row in cast.organisations()]
    assert {path.partition("]")[0] for path in not_live} == {
        f"organisation[{ods.index(code)}" for code in ("RZZ15", "RZZ24")
    }
    for system in cast.systems():
        read_one = registry.system(SystemId(system.id))
        assert read_one is not None
        assert (read_one.client_id, read_one.asid.value, read_one.purpose.value) == (
            system.client_id,
            system.asid,
            system.purpose,
        )
        assert {str(network) for network in read_one.networks} == set(system.networks)


def test_the_official_cast_is_read_too(shared: Path) -> None:
    text = (shared / "cast.toml").read_text(encoding="utf-8")
    only = text[: text.index("[[user]]")]
    registry, _ = read(only)
    assert registry is not None
    assert registry == load(cast.registry_toml())


def spoil(old: str, new: str, nth: int = 1) -> str:
    """GOOD with the nth occurrence of a fragment replaced."""
    parts = GOOD.split(old)
    assert len(parts) > nth, old
    return old.join(parts[:nth]) + new + old.join(parts[nth:])


@pytest.mark.parametrize(
    ("old", "new", "nth", "path", "says"),
    [
        ('ods = "RZZ01"', 'ods = "rzz01"', 1, "organisation[0].ods", "cannot stand here"),
        ('name = "Northbrook"', 'name = " "', 1, "organisation[0].name", "not empty"),
        ('name = "Northbrook"', "name = 7", 1, "organisation[0].name", "not empty"),
        ('name = "Northbrook"', 'nmae = "Northbrook"', 1, "organisation[0].nmae", "Nothing called 'nmae'"),
        ('"scheduled_care", "ambulance"', '"Scheduled Care"', 1, "organisation[0].settings", "care setting"),
        ('"scheduled_care", "ambulance"', '"ambulance"', 1, "organisation[0].sites[0].settings", "does not have these settings: scheduled_care"),
        ('["910000000034"]', '"910000000034"', 1, "organisation[0].privacy_officers", "list of texts"),
        ('["910000000034"]', '["91000000003"]', 1, "organisation[0].privacy_officers", "UserId"),
        ('scope = "team", ', "", 1, "organisation[0].ptv.scope", "P-20"),
        ('scope = "team"', 'scope = "everybody"', 1, "organisation[0].ptv.scope", "individual, team, organisation"),
        ("days = 7", "days = 367", 1, "organisation[0].ptv.days", "0 to 366"),
        ("days = 7", "days = 0", 1, "organisation[0].ptv.days", "at least 1"),
        ("days = 7", "days = 1.5", 1, "organisation[0].ptv.days", "whole"),
        ("days = 7", "days = true", 1, "organisation[0].ptv.days", "number"),
        ('kind = "extended"', 'kind = "single"', 1, "organisation[0].ptv.days", "0 where kind is single"),
        ('question = "May we at Northbrook see it [for] your care for 7 days?", ', "", 1, "organisation[0].ptv.question", "P-21"),
        (', question_version = "1"', "", 1, "organisation[0].ptv.question_version", "P-21"),
        ('question_version = "1"', f'question_version = "{"7" * 33}"', 1, "organisation[0].ptv.question_version", "1 to 32 plain"),
        ('question_version = "1"', 'question_version = "vér"', 1, "organisation[0].ptv.question_version", "1 to 32 plain"),
        ('question_version = "1"', 'question_version = "2", earlier_versions = ["1", "<b>"]', 1,
         "organisation[0].ptv.earlier_versions", "1 to 32 plain"),
        ('question_version = "1"', 'question_version = "2", earlier_versions = "1"', 1,
         "organisation[0].ptv.earlier_versions", "list of texts"),
        ("May we", "x" * 600, 1, "organisation[0].ptv.question", "short"),
        ("May we at Northbrook see it [for] your care for 7 days?", "OK?", 1, "organisation[0].ptv.question", "words"),
        ("for 7 days?", "for 7 days.", 1, "organisation[0].ptv.question", "question mark"),
        ("for 7 days?", "for 70 days?", 1, "organisation[0].ptv.question", "another time"),
        ("for 7 days?", "for 1 day, or 7 days?", 1, "organisation[0].ptv.question", "another time"),
        ("for 7 days?", "for 1 month?", 1, "organisation[0].ptv.question", "7 days"),
        ('kind = "extended", scope = "team", days = 7', 'kind = "single", scope = "team", days = 0', 1,
         "organisation[0].ptv.question", "this view only"),
        ("interest = 2025-01-01", "intrest = 2025-01-01", 1, "organisation[0].onboarding.intrest", "Nothing called"),
        ("interest = 2025-01-01", 'interest = "soon"', 1, "organisation[0].onboarding.interest", "YYYY-MM-DD"),
        ("interest = 2025-01-01", 'interest = "2025-02-30"', 1, "organisation[0].onboarding.interest", "YYYY-MM-DD"),
        ("interest = 2025-01-01", "interest = 2025-01-01T00:00:00Z", 1, "organisation[0].onboarding.interest", "YYYY-MM-DD"),
        ('kind = "mini_service"', 'kind = ["mini_service", "one_click"]', 1, "system[0].kind", "exactly one kind (P-84)"),
        ('kind = "mini_service"', 'kinds = ["mini_service"]', 1, "system[0].kind", "P-84"),
        ('kind = "mini_service"', 'kind = "mini_service, one_click"', 1, "system[0].kind", "Allowed: integrated_viewer"),
        ('organisation = "RZZ01"', 'organisation = "RZZ99"', 1, "system[0].organisation", "RZZ99"),
        ('organisation = "RZZ01"\n', "", 1, "system[0].organisation", "missing"),
        ('site = "RZZ01A"', 'site = "RZZ01B"', 1, "system[0].site", "not a site of organisation RZZ01"),
        ('site = "RZZ01A"\n', "", 1, "system[0].site", "missing"),
        ('setting = "scheduled_care"', 'setting = "ambulance"', 1, "system[0].setting", "does not have the setting ambulance"),
        ('purpose = "direct-care"', 'purpose = "care"', 1, "system[0].purpose", "direct-care"),
        ('asid = "200000000001"', 'asid = "200000000002"', 1, "system[1].asid", "already given to system[0]"),
        ('asid = "200000000001"', 'asid = "2"', 1, "system[0].asid", "Asid"),
        ('client_id = "portal"', 'client_id = "scra"', 1, "system[1].client_id", "already given"),
        ('username = "portal"', 'username = "scra"', 1, "system[1].username", "already given"),
        ('id = "scra"', 'id = "portal"', 1, "system[1].id", "already given"),
        ('["10.0.0.0/8"]', '["10.0.0.1/8"]', 1, "system[1].networks", "host bits"),
        ('["10.0.0.0/8"]', '["intranet"]', 1, "system[1].networks", "network"),
        ('networks = ["10.0.0.0/8"]\n', "", 1, "system[1].networks", "missing"),
        ('["querySCR"]', '["querySCR", "dropTable"]', 1, "system[0].operations", "dropTable"),
        ('["querySCR"]', '["querySCR", "querySCR"]', 1, "system[0].operations", "twice"),
        ('operations = ["querySCR"]\n', "", 1, "system[0].operations", "missing"),
        (PRINT, "sha1:abcd", 1, "system[0].certificates", "64 hexadecimal"),
        (PRINT, "abcd" * 16, 1, "system[0].certificates", "64 hexadecimal"),
        ("per_second = 5", "per_second = 0", 1, "system[0].rate", "more than 0"),
        ("burst = 20", "burst = 0.5", 1, "system[0].rate", "whole number"),
        ('["missing-to"]', '["Old Prefix"]', 1, "system[0].leniences", "known are missing-to"),
        ('["missing-to"]', '["missing-to", "missing-too"]', 1, "system[0].leniences", "'missing-too' cannot stand here"),
        ('["10.0.0.0/8"]', "[]", 1, "system[1].networks", "every call of this system would be refused"),
        ('kind = "standalone"', 'kind = "standalone"\nsuccessor = "the next one"', 1, "system[1].successor", "cannot stand here"),
        ('kind = "standalone"', 'kind = "standalone"\nsuccessor = "scra"', 1, "system[1].successor", "not its own"),
        ('kind = "standalone"', 'kind = "standalone"\nsuccessor = ""', 1, "system[1].successor", "not empty"),
        ("May we at Northbrook see it [for] your care for 7 days?", "? ? ? ? ? ? ?", 1, "organisation[0].ptv.question", "words of letters"),
        ("May we at Northbrook see it [for] your care for 7 days?", "1 2 3 4 5 6 7?", 1, "organisation[0].ptv.question", "words of letters"),
        ('kind = "standalone"', 'kind = "standalone"\nsite = "RZZ01A"', 1, "system[1].site", "session's"),
        ('kind = "standalone"', 'kind = "standalone"\nfeeds = ["relationships"]', 1, "system[1].feeds", "Only a system of kind feed"),
        ('kind = "standalone"', 'kind = "standalone"\nuser_proof = "vouched"', 1, "system[1].user_proof", "mini-service"),
        ('kind = "standalone"', 'kind = "standalone"\nstate = "sleeping"', 1, "system[1].state", "active, suspended"),
        ('kind = "standalone"', f'kind = "standalone"\ncertificates = ["{PRINT.upper()}"]', 1, "system[1].certificates", "already given"),
        ('name = "Northbrook"', 'name = "North\\u202Ebrook"', 1, "organisation[0].name", "U+202E"),
        ('name = "Northbrook"', 'name = "North\\u0007brook"', 1, "organisation[0].name", "U+0007"),
        ('name = "Northbrook"', 'name = "North\\nbrook"', 1, "organisation[0].name", "U+000A"),
        ('name = "Northbrook"', f'name = "{"N" * 101}"', 1, "organisation[0].name", "at most 100"),
        ('supplier = "in-house"', f'supplier = "{"N" * 201}"', 1, "system[0].supplier", "at most 200"),
        ('supplier = "in-house"', 'supplier = "in\\u200Bhouse"', 1, "system[0].supplier", "U+200B"),
        ("revoked = [", 'revoked = ["x", ', 1, "revoked", "64 hexadecimal"),
        ("revoked = [", "revoke = [", 1, "revoke", "Nothing called"),
    ],
)  # fmt: skip
def test_each_fault_is_told_with_its_line(old: str, new: str, nth: int, path: str, says: str) -> None:
    text = spoil(old, new, nth)
    registry, faults = read(text)
    assert registry is None
    found = [fault for fault in faults if fault.path == path and says in fault.sentence]
    assert found, faults
    assert not found[0].warning
    assert found[0].line == expected_line(text, path)


def expected_line(text: str, path: str) -> int:
    """Found another way: the key's own line within its table, else the line of the table or of the key that holds it."""
    lines = text.splitlines()
    match = re.match(r"(\w+)\[(\d+)\]\.?(.*)", path)
    if match is None:
        return line_of(path, text)
    table, nth, rest = match[1], int(match[2]), match[3]
    start = [at for at, line in enumerate(lines) if line == f"[[{table}]]"][nth]
    end = next((at for at in range(start + 1, len(lines)) if lines[at].startswith("[[")), len(lines))
    first, *deeper = re.sub(r"\[\d+\]", "", rest).split(".")
    if f"[{table}.{first}]" in lines[start:end]:
        start = lines.index(f"[{table}.{first}]", start)
        first = deeper[0]
    here = [at for at in range(start, end) if re.match(rf"\s*{first}\s*=", lines[at])]
    return (here[0] if here else start) + 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('privacy_officers = ["910000000034"]', "privacy_officers = []", "no privacy officer"),
        ("it_assessed = 2025-03-01\n", "", "it_assessed"),
        ('networks = ["10.0.0.0/8"]', 'networks = ["0.0.0.0/0"]', "Every address"),
        ('networks = ["10.0.0.0/8"]', 'networks = ["::/0"]', "Every address"),
        ('networks = ["10.0.0.0/8"]', 'networks = ["::ffff:0:0/96"]', "Every address"),
        ('networks = ["10.0.0.0/8"]', 'networks = ["::/80"]', "Every address"),
        ('networks = ["10.0.0.0/8"]', 'networks = ["::ffff:0:0/97", "128.0.0.0/1"]', "Every address"),
        ('networks = ["10.0.0.0/8"]', 'networks = ["::ffff:64.0.0.0/98"]', "Wider than"),
        ('networks = ["10.0.0.0/8"]', 'networks = ["0.0.0.0/1", "128.0.0.0/1"]', "Every address"),
        ('networks = ["10.0.0.0/8"]', 'networks = ["10.0.0.0/8", "64.0.0.0/2"]', "64.0.0.0/2"),
        ("for 7 days?", "for a week or so?", "lasts 7 days"),
        ("May we at Northbrook", "May the hospital", "name the organisation"),
        ('purpose = "direct-care"', 'purpose = "research"', "P-63"),
        ("cd" * 32, "ab" * 32, "revoked"),
    ],
)
def test_what_is_only_worth_knowing_does_not_stop(old: str, new: str, says: str) -> None:
    registry, faults = read(spoil(old, new))
    assert registry is not None
    assert any(fault.warning and says in fault.sentence and fault.line for fault in faults)


@pytest.mark.parametrize(
    ("days", "said"), [(14, "2 weeks"), (14, "14-day time"), (30, "1 month"), (31, "1 month"), (366, "1 year")]
)
def test_p16_a_question_may_write_the_time_as_people_say_it(days: int, said: str) -> None:
    assert check(spoil("7 days", said).replace("days = 7", f"days = {days}")) == ()


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n", "organisation = []\nsystem = []\n"])
def test_a_registry_of_nothing_is_a_fault(text: str) -> None:
    registry, (fault,) = read(text)
    assert registry is None
    assert (fault.line, fault.path, fault.warning) == (None, "", False)
    assert str(fault) == f"the whole file: {fault.sentence}"


def test_a_fault_reads_as_a_sentence_with_its_place() -> None:
    text = spoil("days = 7", "days = 367")
    fault = check(text)[0]
    assert str(fault) == f"line {fault.line}, organisation[0].ptv.days: days must be a whole number from 0 to 366."
    warning = check(spoil('purpose = "direct-care"', 'purpose = "research"'))[0]
    assert str(warning).startswith(f"warning: line {warning.line}, system[0].purpose: ")


def test_an_unknown_setting_is_allowed_but_warned_of() -> None:
    assert check(GOOD, known=knowing({"scheduled_care", "ambulance"})) == ()
    faults = check(GOOD, known=knowing({"scheduled_care"}))
    assert [(fault.warning, fault.path) for fault in faults] == [(True, "organisation[0].settings")]
    assert "ambulance" in faults[0].sentence


def knowing(settings: Collection[str], trials: Collection[str] = (), today: date = date(2026, 3, 10)) -> Known:
    """What policy knows."""
    return Known(settings=settings, trial_settings=trials, today=today)


def test_p76_a_step_dated_in_the_future_is_not_live_yet_until_its_day() -> None:
    settings = {"scheduled_care", "ambulance"}
    for step in ("interest", "it_assessed", "privacy_officer"):
        text = re.sub(rf"(?m)^{step} = .*$", f"{step} = 2026-03-11", GOOD)
        [told] = check(text, known=knowing(settings))
        assert (told.warning, told.path) == (True, f"organisation[0].onboarding.{step}")
        assert told.sentence.startswith("Not live yet")
        assert told.line == line_of(f"{step} = 2026-03-11", text)
        assert check(text, known=knowing(settings, today=date(2026, 3, 11))) == ()
        assert check(text) == (), "without a day nothing is said of days"


@pytest.mark.parametrize(
    ("trial", "today", "said"),
    [
        ("", date(2026, 3, 10), [("settings", "without a proof of concept for it (P-57): ambulance.")]),
        ("ambulance", date(2026, 3, 10), [("proof_of_concept", "opens its setting from 2026-03-11")]),
        ("ambulance", date(2026, 3, 11), []),
        ("ambulance", date(2026, 3, 20), []),
        ("ambulance", date(2026, 3, 21), [("proof_of_concept", "ended on 2026-03-20")]),
        ("scheduled_care", date(2026, 3, 12), [("settings", "for it (P-57): ambulance.")]),
    ],
)
def test_p57_a_setting_that_needs_a_proof_of_concept_is_warned_of_while_it_has_none(
    trial: str, today: date, said: list[tuple[str, str]]
) -> None:
    start = 'privacy_officers = ["910000000034"]\n'
    dated = f'proof_of_concept = {{ setting = "{trial}", from = 2026-03-11, until = 2026-03-20 }}\n' if trial else ""
    text = GOOD.replace(start, start + dated)
    registry, faults = read(text, known=knowing({"scheduled_care", "ambulance"}, {"ambulance"}, today))
    assert registry is not None
    assert [fault.path for fault in faults] == [f"organisation[0].{path}" for path, _ in said]
    assert all(fault.warning and words in fault.sentence for fault, (_, words) in zip(faults, said, strict=True))
    assert all(fault.line for fault in faults)


def test_an_organisation_may_list_its_teams() -> None:
    start = 'privacy_officers = ["910000000034"]\n'
    organisation = load(GOOD.replace(start, start + 'teams = ["RZZ01-A", "RZZ01-B"]\n')).organisations[0]
    assert organisation.teams == {TeamId("RZZ01-A"), TeamId("RZZ01-B")}
    assert load(GOOD).organisations[0].teams == frozenset()
    for teams, says in (
        ('["RZZ01-A", "RZZ01-A"]', "twice"),
        ('["a team!"]', "cannot stand here"),
        ('"RZZ01-A"', "list of texts"),
    ):
        [fault] = check(GOOD.replace(start, f"{start}teams = {teams}\n"))
        assert (fault.path, fault.warning) == ("organisation[0].teams", False)
        assert says in fault.sentence


def test_the_tolerances_named_are_those_the_door_knows() -> None:
    assert Leniences.from_names(LENIENCES) == Leniences(**{one.name: True for one in fields(Leniences)})


def test_all_faults_are_told_at_once_in_the_files_order() -> None:
    text = (
        spoil('asid = "200000000001"', 'asid = "1"')
        .replace("days = 7", "days = 999")
        .replace('ods = "RZZ01A"', 'ods = ""')
    )
    lines = [fault.line for fault in check(text)]
    assert len(lines) >= 3
    assert lines == sorted(line or 0 for line in lines)


def test_proof_of_concept_is_dated_and_of_a_setting_the_organisation_has() -> None:
    """P-57."""
    start = 'privacy_officers = ["910000000034"]\n'
    for trial, path in (
        ('{ setting = "dentistry", from = "2026-01-01", until = "2026-12-31" }', "proof_of_concept.setting"),
        ('{ setting = "ambulance", from = "2026-01-01" }', "proof_of_concept.until"),
        ('{ setting = "ambulance", from = "2026-01-01", until = "2025-12-31" }', "proof_of_concept.until"),
        ('"ambulance"', "proof_of_concept"),
    ):
        faults = check(spoil(start, f"{start}proof_of_concept = {trial}\n"))
        assert f"organisation[0].{path}" in [fault.path for fault in faults]


def test_certificates_may_stand_in_a_table_of_their_own() -> None:
    more = f'{GOOD}\n[certificates]\nscra = ["sha256:{"EF:" * 31}EF"]\n'
    registry = load(more)
    assert registry.system_by_certificate("ef" * 32) is registry.system(SystemId("scra"))
    stranger = check(f'{GOOD}\n[certificates]\nnobody = ["{PRINT}"]\n')
    assert [fault.path for fault in stranger] == ["certificates.nobody"]
    twice = check(f'{GOOD}\n[certificates]\nscra = ["{PRINT}"]\n')
    assert "already given to system[0]" in twice[0].sentence


def test_a_revoked_certificate_belongs_to_nobody() -> None:
    registry = load(spoil("cd" * 32, "ab" * 32))
    assert registry.system_by_certificate("ab" * 32) is None


def test_loading_a_faulty_registry_raises_and_counts() -> None:
    with pytest.raises(InvalidValue, match="1 faults"):
        load(spoil('asid = "200000000001"', 'asid = "1"'))


def test_what_is_no_toml_is_told_with_its_line() -> None:
    faults = check("a = 1\nb = = 2\n")
    assert (faults[0].line, faults[0].warning) == (2, False)
    assert check("system = 7\n")[0].path == "system"
    assert check("system = [7]\n")[0].path == "system"
    assert check("certificates = 7\nrevoked = 7\n")[0].path == "certificates"
    assert not check("x" * (8 * 1024 * 1024 + 1))[0].warning


def test_reload_replaces_the_registry_whole() -> None:
    first, second = load(GOOD), load(GOOD.replace("Northbrook", "Southbrook"))
    current = CurrentRegistry(first)
    begun = current.registry
    current.replace(second)
    found = current.organisation(OdsCode("RZZ01"))
    assert found is not None
    assert found.name == "Southbrook"
    assert begun is first


def test_lines_of_odd_but_legal_toml() -> None:
    text = '[a]\nb = """\n[[c]]\nd = 1\n"""\n"e.f" = 2\n[[c]]\nd = [\n  "]",  # [\n  { x = 1 },\n]\ng.h = 3\n[[c]]\n[c.i]\nj = 4\n'
    tomllib.loads(text)
    lines = Lines(text)
    wanted = {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "e.f"): 6,
        ("c", 0): 7,
        ("c", 0, "d"): 8,
        ("c", 0, "g", "h"): 12,
        ("c", 1): 13,
        ("c", 1, "i", "j"): 15,
    }
    assert {path: lines.find(path) for path in wanted} == wanted
    assert lines.find(("c", 0, "d", 1, "x")) == 8, "the nearest thing around it"
    assert lines.find(("nothing",)) is None


@given(st.integers(0, len(GOOD)), st.integers(0, 40), st.text(max_size=10))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_the_check(at: int, cut: int, put: str) -> None:
    registry, faults = read(GOOD[:at] + put + GOOD[at + cut :])
    assert registry is not None or any(not fault.warning for fault in faults)
