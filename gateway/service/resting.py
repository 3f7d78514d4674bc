"""What a view may still rest on when an answer has come in since it was asked, or since the view it repeats (P-03, P-13). Pure."""

from dataclasses import replace

from gateway.domain.decision import Facts
from gateway.domain.permission import PermissionAnswer, PermissionClaim
from gateway.service.calls import Call, PrintCall, ViewCall


def rests(call: Call) -> bool:
    """Whether it repeats a view already shown: its own note, on record since, is no repeat."""
    return isinstance(call, PrintCall) or (isinstance(call, ViewCall) and call.renews is not None)


def resting(call: Call, facts: Facts) -> Facts:
    """The facts of a print or of a page loaded again, which rest on their view: its own note is no repeat.

    A page loaded again is no further view without permission either: its alert says that it was shown again.
    After a no given since, both are closed; an override is then an attempt like any other (P-03).
    """
    if isinstance(call, PrintCall):
        shown_at = call.viewed_at
    elif isinstance(call, ViewCall) and call.renews is not None:
        shown_at = call.renews
    else:
        return facts
    since = (answer for answer in facts.permissions if answer.start > shown_at)
    if all(answer.answer is PermissionAnswer.YES for answer in since):
        return replace(facts, recent_notes=(), reloaded=not isinstance(call, PrintCall))
    return _without_answer(call, facts)


def under_way(call: Call, before: Facts, now: Facts) -> Facts:
    """The facts read again while Spine was asked, for the last decision of a view.

    A no or a withdrawal not on record before is newer than the answer that came with the request, which then counts no
    more; an override must say that the condition has changed. Ended relationships and used answers are the policy's own.
    """
    known = {answer.id for answer in before.permissions}
    since = (answer for answer in now.permissions if answer.id not in known)
    if all(answer.answer is PermissionAnswer.YES for answer in since):
        return now
    return _without_answer(call, now)


def _without_answer(call: Call, facts: Facts) -> Facts:
    if facts.claims.permission.overrides and not isinstance(call, PrintCall):
        return facts
    return replace(facts, claims=replace(facts.claims, permission=PermissionClaim.NOT_ASKED))
