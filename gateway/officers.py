"""The privacy officer's workbench put together: its use cases on the store, its files, its pages' own frame."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.privacy import AlertPage, Entries
from gateway.pages.privacy import Bench
from gateway.policy.answer import seen
from gateway.policy.settings import current
from gateway.service.parts import Parts
from gateway.service.privacy import Privacy
from gateway.service.service import Service
from gateway.store.alert_export import alerts_file, entries_file
from gateway.store.journal import Journal
from gateway.store.workbench import Workbench


@dataclass(frozen=True, slots=True)
class Files:
    """Exports as the store writes them."""

    def entries(self, form: str, found: Entries) -> bytes:
        """Audit entries as csv, jsonl or fhir."""
        return entries_file(form, found.entries, found.unreadable)

    def alerts(self, form: str, found: AlertPage) -> bytes:
        """Alerts as csv, jsonl or fhir."""
        return alerts_file(form, found.cases, found.unreadable)


def officers(parts: Parts, service: Service, journal: Journal, engine: AsyncEngine) -> Bench:
    """The workbench of this installation."""
    store = Workbench(engine=engine, journal=journal)
    privacy = Privacy(parts, service, store, seen=lambda facts: seen(facts, current(facts.now)))
    return Bench(privacy=privacy, files=Files())
