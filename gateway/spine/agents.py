"""Authors, informants and performers of a GP Summary, in every form the wire knows. Pure.

It must never complete a name or an organisation that is not there.
"""

from lxml import etree

from gateway.domain.errors import InvalidValue
from gateway.domain.instants import WireTime
from gateway.domain.record import Agent, Coding, Participation
from gateway.spine.active import local_of
from gateway.spine.envelope import hl7
from gateway.spine.words import collapse
from gateway.xml.names import OID_SDS_ROLE_PROFILE, OID_SDS_USER
from gateway.xml.paths import elements, first

_PERSONS = tuple(
    hl7(name) for name in ("agentPersonSDS", "agentPerson", "representedPersonSDS", "playingNonAgentPerson")
)
_OWN_ORGANISATIONS = tuple(hl7(name) for name in ("agentOrganizationSDS", "agentOrganization"))
_REPRESENTED = tuple(
    hl7(name) for name in ("representedOrganization", "representedOrganizationSDS", "representedScoperChoice")
)
_DEVICES = tuple(hl7(name) for name in ("agentDevice", "agentDeviceSDS"))
_NOT_AGENTS = frozenset({"time", "modeCode", "templateId", "seperatableInd", "signatureCode", "signatureText"})
_NAME_PARTS = frozenset({"prefix", "given", "family", "suffix"})


def words_of(element: etree._Element | None) -> str | None:
    """All text inside an element, collapsed, its child elements apart by a space; None where there is none."""
    if element is None:
        return None
    if not len(element):
        return collapse(element.text or "") or None
    parts = [element.text or ""]
    for child in element:
        parts += [words_of(child) or "" if isinstance(child.tag, str) else "", child.tail or ""]
    return collapse(" ".join(parts)) or None


def read_time(element: etree._Element | None) -> WireTime | None:
    """`@value` as a time; None where it is absent or junk (`1` has been seen), which is never turned into a date."""
    text = None if element is None else element.get("value")
    if not text:
        return None
    try:
        return WireTime(text.strip())
    except InvalidValue:
        return None


def read_coding(element: etree._Element | None) -> Coding | None:
    """A `code`-like element as received; None where it is absent or holds neither code nor text."""
    if element is None:
        return None
    code, original = element.get("code", ""), words_of(first(element, hl7("originalText")))
    display = element.get("displayName")
    if not code and not original and not display:
        return None
    return Coding(code, element.get("codeSystem", ""), display, original)


def read_participation(element: etree._Element) -> Participation | None:
    """An author, informant or performer; None where it names no agent."""
    agent = agent_of(element)
    if agent is None:
        return None
    return Participation(
        type=local_of(element),
        time=read_time(first(element, hl7("time"))),
        mode=read_coding(first(element, hl7("modeCode"))),
        agent=read_agent(agent),
    )


def agent_of(participation: etree._Element) -> etree._Element | None:
    """The agent element of a participation."""
    return next((child for child in elements(participation) if local_of(child) not in _NOT_AGENTS), None)


def read_agent(element: etree._Element) -> Agent:
    """An agent element -> Agent."""
    form = local_of(element).rpartition(".")[2]
    person, own, represented = _one(element, _PERSONS), _one(element, _OWN_ORGANISATIONS), _one(element, _REPRESENTED)
    organisation = own if own is not None else represented
    code = read_coding(first(element, hl7("code")))
    organisation_code = read_coding(first(organisation, hl7("code")))
    if own is not None and organisation_code is None:
        organisation_code = code
    name = first(person, hl7("name"))
    return Agent(
        form=form,
        role_profile=_identifier(element, OID_SDS_ROLE_PROFILE),
        user=_identifier(person, OID_SDS_USER),
        name=words_of(name),
        name_parts=tuple(
            (local_of(part), words_of(part) or "") for part in elements(name) if local_of(part) in _NAME_PARTS
        )
        if name is not None
        else (),
        job_role=None if own is not None else code,
        organisation_id=_organisation_id(organisation),
        organisation_code=organisation_code,
        organisation_name=words_of(first(organisation, hl7("name"))),
        address=words_of(first(element, hl7("addr"))) or words_of(first(organisation, hl7("addr"))),
        telecoms=_telecoms(element) + (_telecoms(organisation) if organisation is not None else ()),
        device=_device(element),
    )


def _one(parent: etree._Element, tags: tuple[str, ...]) -> etree._Element | None:
    return next(elements(parent, *tags), None)


def _identifier(element: etree._Element | None, root: str) -> str | None:
    if element is None:
        return None
    return next((found.get("extension") for found in elements(element, hl7("id")) if found.get("root") == root), None)


def _organisation_id(organisation: etree._Element | None) -> tuple[str, str] | None:
    found = first(organisation, hl7("id"))
    return None if found is None else (found.get("root", ""), found.get("extension", ""))


def _telecoms(element: etree._Element) -> tuple[tuple[str | None, str], ...]:
    return tuple(
        (found.get("use"), found.get("value", "")) for found in elements(element, hl7("telecom")) if found.get("value")
    )


def _device(element: etree._Element) -> tuple[tuple[str, str], ...]:
    device = _one(element, _DEVICES)
    if device is None:
        return ()
    pairs = []
    registered = local_of(device) == "agentDeviceSDS"
    for child in elements(device):
        coding = read_coding(child) if local_of(child) == "code" else None
        shown = coding.original_text or coding.display or coding.code if coding is not None else None
        text = shown or words_of(child) or child.get("extension") or child.get("root")
        if text:
            name = local_of(child)
            pairs.append(("sdsId" if registered and name == "id" else name, text))
    agents = [("agentId", found.get("root", "")) for found in elements(element, hl7("id")) if found.get("root")]
    return (*pairs, *agents)
