"""Authors, informants and performers -> Practitioner, PractitionerRole, Organization, Device and RelatedPerson. Pure.

It must never complete a person or an organisation: what the wire does not name is not there.
"""

from gateway.adapters.fhir.datatypes import (
    ODS_CODE,
    ODS_ROOT,
    SDS_ROLE_PROFILE,
    SDS_USER,
    Json,
    extension,
    has_words,
    identifier,
    plain_concept,
    system_of,
    without_nothing,
)
from gateway.adapters.fhir.shelf import Shelf
from gateway.domain.record import Agent

_PHONES = frozenset({"HP", "WP", "HV", "MC", "AS"})
_SCHEMES = {"tel": "phone", "fax": "fax", "mailto": "email"}
_DEVICE_IDS = {"sdsId": "https://fhir.nhs.uk/Id/SDSDevice", "id": None, "agentId": None}
_DEVICE_NAMES = {"name": "other", "manufacturerModelName": "model-name"}


class People:
    """Puts the resources of agents on a shelf, those of equal agents once."""

    def __init__(self, shelf: Shelf, patient: Json) -> None:
        self._shelf = shelf
        self._patient = patient
        self._known: dict[tuple[Agent, bool], Json] = {}

    def author(self, agent: Agent) -> Json:
        """Reference to the author of the document: a PractitionerRole, an Organization or a Device."""
        return self._once(agent, author=True)

    def participant(self, agent: Agent) -> Json:
        """Reference to who took part in an entry: a PractitionerRole or a RelatedPerson."""
        return self._once(agent, author=False)

    def organisation(self, agent: Agent) -> Json | None:
        """Reference to the agent's organisation; None where it has neither name nor id (org-1)."""
        return self._known_organisation(agent)

    def _once(self, agent: Agent, *, author: bool) -> Json:
        key = (agent, author)
        if key not in self._known:
            self._known[key] = self._put(agent, author=author)
        return self._known[key]

    def _put(self, agent: Agent, *, author: bool) -> Json:
        if agent.form == "participantNonAgentRole":
            return self._related(agent)
        if agent.form.startswith("AgentOrg"):
            organisation = self._known_organisation(agent)
            if author:
                return organisation or {"display": agent.organisation_name or agent.name or "Not stated"}
            return self._role(agent, None, organisation, agent.organisation_name)
        if agent.device:
            organisation = self._known_organisation(agent)
            device = self._device(agent, organisation)
            return device if author else self._role(agent, None, organisation, device["display"], device)
        return self._role(agent, self._person(agent), self._known_organisation(agent), agent.name)

    def _role(
        self,
        agent: Agent,
        practitioner: Json | None,
        organisation: Json | None,
        display: str | None,
        device: Json | None = None,
    ) -> Json:
        """A role; `device`: what acted in a person's place, where R4 lets no Device take part."""
        resource = {
            "resourceType": "PractitionerRole",
            "extension": [extension("device", valueReference=device)] if device else None,
            "identifier": [identifier(agent.role_profile, SDS_ROLE_PROFILE)] if agent.role_profile else None,
            "practitioner": practitioner,
            "organization": organisation,
            "code": [plain_concept(agent.job_role)] if agent.job_role and has_words(agent.job_role) else None,
            "telecom": None if organisation else telecoms(agent),
        }
        reference = self._shelf.put(without_nothing(resource))
        return reference | {"display": display} if display else reference

    def _person(self, agent: Agent) -> Json | None:
        address = [{"text": agent.address}] if agent.address and not _has_organisation(agent) else None
        resource = {
            "resourceType": "Practitioner",
            "identifier": [identifier(agent.user, SDS_USER)] if agent.user else None,
            "name": [human_name(agent)] if agent.name else None,
            "address": address,
        }
        resource = without_nothing(resource)
        return self._shelf.put(resource) if len(resource) > 1 else None

    def _known_organisation(self, agent: Agent) -> Json | None:
        if not _has_organisation(agent):
            return None
        key = (Agent(form="organisation", **_organisation_parts(agent)), False)
        if key not in self._known:
            self._known[key] = self._organisation(agent)
        return self._known[key]

    def _organisation(self, agent: Agent) -> Json:
        code = agent.organisation_code
        resource = {
            "resourceType": "Organization",
            "identifier": _organisation_identifiers(agent),
            "type": [plain_concept(code)] if code is not None and has_words(code) else None,
            "name": agent.organisation_name,
            "telecom": telecoms(agent),
            "address": [{"text": agent.address}] if agent.address else None,
        }
        return self._shelf.put(without_nothing(resource))

    def _device(self, agent: Agent, owner: Json | None) -> Json:
        texts = agent.device
        resource = {
            "resourceType": "Device",
            "identifier": [identifier(text, _DEVICE_IDS[name]) for name, text in texts if name in _DEVICE_IDS],
            "deviceName": [
                {"name": text, "type": _DEVICE_NAMES[name]} for name, text in texts if name in _DEVICE_NAMES
            ],
            "type": next(({"text": text} for name, text in texts if name == "code"), None),
            "version": [{"value": text} for name, text in texts if name == "softwareName"],
            "owner": owner,
            "note": [{"text": text} for name, text in texts if name == "desc"],
        }
        shown = next(
            (
                text
                for wanted in ("name", "manufacturerModelName", "code", "sdsId", "id")
                for name, text in texts
                if name == wanted
            ),
            "Device",
        )
        return self._shelf.put(without_nothing(resource)) | {"display": shown}

    def _related(self, agent: Agent) -> Json:
        resource = {
            "resourceType": "RelatedPerson",
            "patient": self._patient,
            "relationship": [plain_concept(agent.job_role)] if agent.job_role else None,
            "name": [human_name(agent)] if agent.name else None,
        }
        reference = self._shelf.put(without_nothing(resource))
        return reference | {"display": agent.name} if agent.name else reference


def _organisation_identifiers(agent: Agent) -> list[Json]:
    return [organisation_identifier(*agent.organisation_id)] if agent.organisation_id and _has_id(agent) else []


def _has_id(agent: Agent) -> bool:
    return agent.organisation_id is not None and bool(agent.organisation_id[1])


def _has_organisation(agent: Agent) -> bool:
    return bool(agent.organisation_name) or _has_id(agent)


def _organisation_parts(agent: Agent) -> Json:
    return {
        "organisation_id": agent.organisation_id,
        "organisation_code": agent.organisation_code,
        "organisation_name": agent.organisation_name,
        "address": agent.address,
        "telecoms": agent.telecoms,
    }


def organisation_identifier(root: str, value: str) -> Json:
    """An organisation's id: an ODS code, or under its own root."""
    return identifier(value, ODS_CODE if root == ODS_ROOT else system_of(root))


def human_name(agent: Agent) -> Json:
    """HumanName: the words as written, and their parts where the wire has them."""
    parts = {
        kind: [text for name, text in agent.name_parts if name == kind and text]
        for kind in ("prefix", "given", "family", "suffix")
    }
    return without_nothing(
        {
            "text": agent.name,
            "family": " ".join(parts["family"]),
            "given": parts["given"],
            "prefix": parts["prefix"],
            "suffix": parts["suffix"],
        }
    )


def telecoms(agent: Agent) -> list[Json]:
    """ContactPoints: a URL's scheme says what it is, else the use does (PG pager; unknown other)."""
    return [_telecom(use, value) for use, value in agent.telecoms]


def _telecom(use: str | None, value: str) -> Json:
    scheme, colon, rest = value.partition(":")
    if colon and rest and scheme.lower() in _SCHEMES:
        return {"system": _SCHEMES[scheme.lower()], "value": rest}
    if use == "PG":
        return {"system": "pager", "value": value}
    return {"system": "phone" if use in _PHONES else "other", "value": value}
