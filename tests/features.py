"""Doors x features, counted from tests that ran and passed. `make features` writes docs/doors/README.md."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "doors" / "README.md"

DOORS = {
    "mini-service": "mini-service.md",
    "adastra": "adastra.md",
    "cleo": "cleo.md",
    "emis-web": "emis-web.md",
    "systmone": "systmone.md",
    "symphony": "fhir.md",
    "rio": "rio.md",
    "lorenzo": "lorenzo.md",
    "sonar": "sonar.md",
    "pharmoutcomes": "pharmoutcomes.md",
    "scra": "scra.md",
}
"""Door -> its page."""

FOLDERS = {"mini_service": "mini-service", "emis_web": "emis-web"}

FEATURES: tuple[tuple[str, str], ...] = (
    ("every patient case of the cast", r"test_each_case_ends_as_it_must"),
    ("a refusal holds before and after a yes", r"test_a_refusal_holds_before_and_after_a_yes"),
    ("what hides a record is not told", r"test_what_hides_a_record_is_not_told"),
    ("a deceased patient, confirmed", r"test_a_deceased_patients_record_opens"),
    ("the same record as every other door", r"test_every_door_shows_the_same|test_a_record_has_the_same_facts"),
    (
        "reasons of refusal",
        r"reason_of_refusal|spines_own_refusal|is_told_so|told_so_and|test_nobody_is_proved|each_fault_ends_as_it_must|answers_each_of_its_codes",
    ),
    ("overrides and their alerts", r"override|emergency|self_claim|every_view_of_a_community_pharmacy"),
    ("kept permission", r"extended_permission|kept_permission|is_kept|team_mate"),
    ("used once only", r"sent_twice|replay|one_token_exactly_one_wins|spent"),
    ("every code has its answer", r"each_code|every_code|message_that_was_(not_)?heard|each_fault_ends"),
    ("seeded faults, right node named", r"seeded|each_fault_is_found|broken_envelope|wrong_search"),
    ("hostile bytes", r"hostile|second_lock"),
    ("any Unicode", r"any_text|any_name|any_script|any_alphabet|any_word|words_reach|every_word|untouched"),
    ("golden samples", r"sample|_pages?\.py|_docs?\.py"),
    ("description served, foreign client", r"zeep|wsdl|schemas_(are_served|load)|schemathesis|openapi|browser"),
)
"""Feature -> what the names of its tests hold."""


def doors_of(node: str) -> set[str]:
    """The doors a test is about: its folder, or its parameter; a test over all doors counts for each."""
    if "test_every_door_shows_the_same" in node:
        return set(DOORS)
    path, _, rest = node.partition("::")
    parameter = rest.partition("[")[2]
    named = {door for door in DOORS if re.search(rf"(^|[-\[\s]){re.escape(door)}([-\]\s]|$)", parameter)}
    folder = next((part for part in Path(path).parts[2:-1]), "")
    return named or ({FOLDERS.get(folder, folder)} & set(DOORS))


def table(passed: Iterable[str]) -> str:
    """The page's table from the node ids of passed tests."""
    counts: Counter[tuple[str, str]] = Counter()
    for node in passed:
        for title, pattern in FEATURES:
            if re.search(pattern, node):
                counts.update((title, door) for door in doors_of(node))
    heading = "| | " + " | ".join(f"[{door}]({page})" for door, page in DOORS.items()) + " |"
    lines = [heading, "|---" * (len(DOORS) + 1) + "|"]
    for title, _ in FEATURES:
        cells = (str(counts[title, door]) if counts[title, door] else "–" for door in DOORS)
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def page(passed: Iterable[str]) -> str:
    """The whole page."""
    return (
        "# Doors and what their tests show\n\n"
        "Each cell is the number of tests about that door that ran and passed when this page was written by\n"
        "`make features`; – means that no test of that name is about that door, not that the door lacks the feature.\n\n"
        f"{table(passed)}\n"
    )
