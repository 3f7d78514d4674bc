"""Every id of the access policy in one list: what it says, where it comes from, and what keeps it.

Ids that `decide` judges take their words from the rules themselves; the others are kept elsewhere, and this says where.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.policy.judging import GOVERNANCE, OWN, SEED, Rule
from gateway.policy.rules import RULES
from gateway.policy.settings import PolicySettings

DECIDED = "decide"
CLOSED_LIST = "P-58"
"""The id of the rule about care settings as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the catalogue. An id that several rules keep has several lines."""

    id: str
    sentence: str
    source: str
    kept_by: str
    """`decide`, or in words what else keeps it."""


ELSEWHERE: tuple[tuple[str, str, str, str], ...] = (
    (
        "P-04",
        "The answer to the question is recorded: who asked, when, what was said, for whom.",
        SEED,
        "the recording of permission",
    ),
    (
        "P-11",
        "Finding a patient begins with the NHS number; a search by details is the second way.",
        SEED,
        "the standalone viewer's pages",
    ),
    (
        "P-13",
        "Sign-in, role, patient, relationship, permission: the record is fetched after the last of them, never before.",
        SEED,
        "the stages of `decide` and the order of the view",
    ),
    (
        "P-16",
        "The question put to the patient names who will look, what for and for how long.",
        SEED,
        "each organisation's question in the registry",
    ),
    (
        "P-21",
        "An organisation has a question in plain words, and the version shown is kept with the answer.",
        SEED,
        "the permission policy's own validation and the recording of permission",
    ),
    (
        "P-23",
        "What is recorded of an answer: yes or no, to whom, until when, how asked, by whom.",
        SEED,
        "the recorded permission's own fields",
    ),
    (
        "P-25",
        "How permission is asked differs by organisation: it is data, never code.",
        SEED,
        "the registry; the rules read it from the facts",
    ),
    (
        "P-59",
        "A setting that is not open is pointed to the form for expressing interest.",
        SEED,
        "the catalogue of codes",
    ),
    (
        "P-64",
        "The lists are versioned with effective dates, and a decision says which version it used.",
        f"{SEED}; versions are {OWN}",
        "the editions of the settings; `policy_version` of every decision",
    ),
    ("P-76", "The steps of a set-up are needed in any order.", SEED, "the rules of P-70 to P-75, each for itself"),
    ("P-78", "A training record holds its topics.", SEED, "the training records"),
    (
        "P-79",
        "In community pharmacy every view raises an alert.",
        "Information governance for SCR in community pharmacies",
        "the alert of every decision",
    ),
    ("P-80", "A standalone viewer is one way to connect.", SEED, "the kinds of system; the same rules for each"),
    ("P-81", "A viewer inside a clinical system is another.", SEED, "the kinds of system; the same rules for each"),
    ("P-82", "A launch from a clinical system is another.", SEED, "the kinds of system; the same rules for each"),
    ("P-83", "A link to Spine from inside a system is another.", SEED, "the kinds of system; the same rules for each"),
    (
        "P-85",
        "The record is made from the GP record, for authorised staff elsewhere.",
        SEED,
        "the text beside every record",
    ),
    (
        "P-86",
        "The viewer says which form of the record it shows and shows additional information where present.",
        SEED,
        "the reading of the summary and its pages",
    ),
    (
        "P-87",
        "Additional information needs no further activity code.",
        "Summary Care Records (SCR)",
        "no rule asks for one",
    ),
    ("P-88", "A set-up that was refused is told whom to ask.", SEED, "the catalogue of codes"),
    ("P-89", "Texts shown to users say NHS England.", SEED, "the texts of the pages"),
    (
        "P-90",
        "Whoever raised an alert does not close it.",
        f"{GOVERNANCE}; Vision: appointing a privacy officer",
        "the privacy officer's workbench",
    ),
)


def entries(settings: PolicySettings) -> tuple[Entry, ...]:
    """The whole catalogue under one edition of the settings, P-ids in order, then the ids of the patient's state."""
    decided = [_decided(rule_id, rule, settings) for rule in RULES for rule_id in rule.ids]
    elsewhere = [Entry(id=i, sentence=s, source=o, kept_by=k) for i, s, o, k in ELSEWHERE]
    named = {each.id for each in elsewhere}
    decided = [each for each in decided if each.id not in named]
    return tuple(
        sorted([*dict.fromkeys(decided), *elsewhere], key=lambda each: (not each.id.startswith("P-"), each.id))
    )


def _decided(rule_id: str, rule: Rule, settings: PolicySettings) -> Entry:
    """The rule's own sentence; of the rule about care settings, what it says of the settings that id names."""
    sentence, source = rule.sentence, rule.source
    if CLOSED_LIST in rule.ids and rule_id != CLOSED_LIST:
        source = SEED
        if names := _named(settings.approved, rule_id):
            sentence = f"Care setting {names}: approved."
        elif names := _named(settings.not_approved, rule_id):
            sentence = (
                f"Care setting {names}: not approved; open only to an organisation with a proof of concept of its own."
            )
        elif names := _named(settings.refused_settings, rule_id):
            sentence = f"Care setting {names}: a refused purpose by another name."
    return Entry(id=rule_id, sentence=sentence, source=source, kept_by=DECIDED)


def _named(table: Mapping[str, str], rule_id: str) -> str:
    return ", ".join(f"`{name}`" for name, rule in table.items() if rule == rule_id)
