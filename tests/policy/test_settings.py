"""The settings as versioned data: which edition applies when, and what is refused while reading one."""

from dataclasses import replace
from datetime import UTC, date, datetime
from importlib import resources

import pytest

from gateway.domain.access import Purpose
from gateway.domain.errors import InvalidValue
from gateway.policy import current
from gateway.policy.settings import in_force, read_edition, shipped
from tests.policy import cases as c

TEXT = resources.files("gateway.policy").joinpath("editions", "2026-01.toml").read_text(encoding="utf-8")


def test_the_shipped_editions_are_read_and_distinct():
    assert [edition.version for edition in shipped()] == ["2026-01"]
    assert current(datetime(2026, 3, 1, tzinfo=UTC)) is current(datetime(2099, 3, 1, tzinfo=UTC))


def test_the_figures_are_the_sourced_ones():
    limits = c.SETTINGS.limits
    assert (limits.assurance, limits.note_shortest, limits.note_longest, limits.note_words) == (2, 10, 128, 2)
    assert (limits.single_permission.total_seconds(), limits.refusal.total_seconds()) == (12 * 3600, 24 * 3600)
    assert (limits.override_views_per_day, limits.proof_leeway.total_seconds()) == (5, 5)


def test_an_edition_applies_from_its_london_day_on():
    old = replace(c.SETTINGS, version="1", effective=date(2026, 1, 1))
    new = replace(c.SETTINGS, version="2", effective=date(2026, 7, 1))
    assert in_force((new, old), datetime(2026, 6, 30, 22, 59, tzinfo=UTC)).version == "1"
    assert in_force((new, old), datetime(2026, 6, 30, 23, 0, tzinfo=UTC)).version == "2"
    same_day = replace(old, version="0")
    assert in_force((same_day, old), datetime(2026, 2, 1, tzinfo=UTC)).version == "1"


def test_before_the_first_edition_nothing_is_in_force_and_time_needs_a_zone():
    with pytest.raises(InvalidValue, match="no edition"):
        current(datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(InvalidValue, match="zone"):
        current(datetime(2026, 1, 1))  # noqa: DTZ001 - the fault under test


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('version = "2026-01"', "version = ", "cannot be read"),
        ('version = "2026-01"', "", "cannot be read"),
        ("[limits]", "[limit]", "cannot be read"),
        ('trace = "B0264"', 'trace = "264"', "not a valid ActivityCode"),
        ('trace = "B0264"', 'trial = "B0264"', "cannot be read"),
        ('police = "P-61"\nother-', 'policing = "P-61"\nother-', "unknown"),
        ('dentistry = "P-50"', 'hospices = "P-50"', "more than one"),
        ('hospices = "P-43"', 'Hospices = "P-43"', "not a care setting"),
        ('clinical-trial = "P-60"', 'direct-care = "P-60"', "direct care"),
        ('["community_pharmacy"]', '["dentistry"]', "only an approved"),
        ('clinical-trial = "P-60"', 'post-death-duty = "P-60"', "direct care"),
        ("note_shortest = 10", "note_shortest = 129", "contradict"),
        ("note_shortest = 10", "note_shortest = 0", "contradict"),
        ("assurance = 2", "assurance = 0", "contradict"),
        ("note_words = 2", "note_words = 0", "contradict"),
        ('police = "P-61"\nother', 'dentistry = "P-61"\nother', "more than one"),
        ('["gp_temporary_or_non_registered", "primary_care"]', '["private_gp"]', "only an approved"),
    ],
)
def test_an_edition_that_contradicts_itself_or_names_the_unknown_is_refused(old, new, message):
    assert old in TEXT
    with pytest.raises(InvalidValue, match=message):
        read_edition(TEXT.replace(old, new, 1))


def test_the_text_on_disk_reads_as_the_edition_in_force():
    assert read_edition(TEXT) == c.SETTINGS


def test_lists_cannot_be_changed_while_running():
    with pytest.raises(TypeError):
        c.SETTINGS.approved["dentistry"] = "P-50"  # type: ignore[index]
    with pytest.raises(TypeError):
        del c.SETTINGS.refused_purposes[Purpose.POLICE]  # type: ignore[attr-defined]


def test_included_activities_count_to_any_depth_and_circles_end():
    assert c.SETTINGS.expand(c.codes("B0825")) == c.codes("B0825", "B0820")
    assert c.SETTINGS.expand(c.codes("B0820")) == c.codes("B0820")
    circle = {
        next(iter(c.codes(a))): c.codes(b) for a, b in (("B0001", "B0370"), ("B0370", "B0264"), ("B0264", "B0001"))
    }
    ring = replace(c.SETTINGS, includes=circle)
    assert ring.expand(c.codes("B0001")) == c.codes("B0001", "B0370", "B0264")


def test_p08_an_included_activity_opens():
    from gateway.policy import decide

    wider = replace(c.SETTINGS, includes={next(iter(c.codes("B0825"))): c.codes("B0370")})
    assert decide(c.facts(role=c.role("B0825")), wider).reasons == ()
    assert decide(c.facts(role=c.role("B0825")), c.SETTINGS).reasons != ()


def test_the_tightest_limits_that_make_sense_are_accepted():
    tight = replace(c.SETTINGS.limits, assurance=1, note_words=1, note_shortest=1, note_longest=1)
    assert tight.note_longest == 1
