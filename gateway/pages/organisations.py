"""/organisations: how far each organisation's set-up has come (P-70 to P-76). For people who are signed in; says nothing of any patient."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from aiohttp import web

from gateway.domain.access import OnboardingStep, Organisation, TrainingMode
from gateway.domain.identifiers import UserId
from gateway.domain.instants import LONDON
from gateway.pages.frame import Handler, Turn

Trained = Callable[[Sequence[UserId]], Awaitable[Collection[UserId]]]
"""Which of these users have their training recorded."""

STEPS = {
    OnboardingStep.INTEREST: "Interest registered",
    OnboardingStep.SITES_AGREED: "Sites agreed",
    OnboardingStep.IT_ASSESSED: "IT assessed: the way of viewing is recorded",
    OnboardingStep.TRAINING_PLANNED: "Training planned",
    OnboardingStep.STAFF_AND_CODES: "Staff listed, with the right codes on their smartcards",
    OnboardingStep.PRIVACY_OFFICER: "Privacy officer named",
}
"""The set-up steps in words; any order will do (P-76)."""
TRAINED_OFFICER = "Privacy officer trained"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """One organisation's set-up as shown."""

    organisation: Organisation
    steps: tuple[tuple[str, date | None], ...]
    """Each step and the day it was done; None: still to do."""
    officer_trained: bool

    @property
    def live(self) -> bool:
        """Whether nothing is left to do."""
        return self.officer_trained and all(done is not None for _, done in self.steps)

    @property
    def enforces(self) -> bool:
        """Whether users without training are refused."""
        return self.organisation.training is TrainingMode.ENFORCE


def set_up(organisation: Organisation, trained: Collection[UserId], today: date) -> SetUp:
    """What is done and what is to do on a day. Pure."""
    done = {step: day for step, day in organisation.onboarding if day <= today}
    officers = organisation.privacy_officers
    return SetUp(
        organisation=organisation,
        steps=tuple(
            (words, done.get(step) if step is not OnboardingStep.PRIVACY_OFFICER or officers else None)
            for step, words in STEPS.items()
        ),
        officer_trained=any(officer in trained for officer in officers),
    )


async def _show(trained: Trained, turn: Turn) -> web.StreamResponse:
    organisations = turn.frame.registry.organisations()
    officers = [officer for one in organisations for officer in one.privacy_officers]
    known = await trained(list(dict.fromkeys(officers)))
    today = turn.now.astimezone(LONDON).date()
    own = turn.signed_in.organisation
    rows = sorted(
        (set_up(one, known, today) for one in organisations),
        key=lambda row: (row.organisation.ods != own, row.organisation.name),
    )
    return turn.page("organisations.jinja", rows=rows, own=own, patient=None, trained_officer=TRAINED_OFFICER)


def organisations_page(trained: Trained) -> Handler:
    """GET /organisations."""
    return partial(_show, trained)
