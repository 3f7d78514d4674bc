"""The author, informant and performer elements of summaries and their entries, in every form the wire knows.

Builds trees; invents nobody: names and practices come in.
"""

from vendor_stubs.spine.coding import digits_of, uuid_of
from vendor_stubs.spine.content import Author, AuthorForm
from vendor_stubs.spine.names import (
    ODS_ORGANISATION,
    ORGANISATION_TYPE,
    PERFORMER_MODE,
    PERSON_JOB_ROLE_NAME,
    RELATIONSHIP,
    ROLE_PROFILE,
    USER,
)
from vendor_stubs.xml import HL7, Element, add, qname

_PERSON_SDS = "UKCT_MT160018UK01.AgentPersonSDS"
_PERSON = "UKCT_MT160018UK01.AgentPerson"
_ORGANISATION_SDS = "UKCT_MT160017UK01.AgentOrgSDS"
_ORGANISATION = "UKCT_MT160017UK01.AgentOrg"
_DEVICE = "UKCT_MT120601UK02.AgentDevice"


def add_author(parent: Element, author: Author, time: str) -> None:
    """The summary's author element, in its form."""
    element = add(parent, qname(HL7, "author"), typeCode="AUT", contextControlCode="OP")
    add(element, "time", value=time)
    if author.form in {AuthorForm.PERSON_SDS, AuthorForm.PERSON_SDS_PARTS}:
        _person_sds(element, author)
    elif author.form in {AuthorForm.PERSON, AuthorForm.PERSON_SCOPER}:
        _person(element, author)
    elif author.form is AuthorForm.ORGANISATION_SDS:
        agent = add(element, _ORGANISATION_SDS, classCode="AGNT")
        organisation = add(agent, "agentOrganizationSDS", classCode="ORG", determinerCode="INSTANCE")
        add(organisation, "id", root=ODS_ORGANISATION, extension=author.practice_ods)
        add(organisation, "name", author.practice)
    else:
        agent = add(element, _ORGANISATION, classCode="AGNT")
        add(agent, "code", code="001", codeSystem=ORGANISATION_TYPE, displayName="General Medical Practice")
        add(agent, "addr", author.practice_address, use="WP")
        organisation = add(agent, "agentOrganization", classCode="ORG", determinerCode="INSTANCE")
        add(organisation, "name", author.practice)


def _person_sds(element: Element, author: Author) -> None:
    agent = add(element, _PERSON_SDS, classCode="AGNT")
    add(agent, "id", root=ROLE_PROFILE, extension=digits_of(12, "role", author.family, author.given))
    person = add(agent, "agentPersonSDS", classCode="PSN", determinerCode="INSTANCE")
    add(person, "id", root=USER, extension=digits_of(12, "user", author.family, author.given))
    if author.form is AuthorForm.PERSON_SDS:
        add(person, "name", f"{author.prefix} {author.given} {author.family}")
        return
    _name_in_parts(person, author)
    organisation = add(agent, "representedOrganizationSDS", classCode="ORG", determinerCode="INSTANCE")
    add(organisation, "id", root=ODS_ORGANISATION, extension=author.practice_ods)
    add(organisation, "name", author.practice)


def _name_in_parts(person: Element, author: Author) -> None:
    name = add(person, "name")
    add(name, "prefix", author.prefix)
    add(name, "given", author.given)
    add(name, "family", author.family)


def _person(element: Element, author: Author) -> None:
    agent = add(element, _PERSON, classCode="AGNT")
    add(agent, "code", code="R0260", codeSystem=PERSON_JOB_ROLE_NAME, displayName="General Medical Practitioner")
    add(agent, "addr", author.practice_address, use="WP")
    add(agent, "telecom", use="WP", value="tel:01632960200")
    person = add(agent, "agentPerson", classCode="PSN", determinerCode="INSTANCE")
    _name_in_parts(person, author)
    wrapper = "representedOrganization" if author.form is AuthorForm.PERSON else "representedScoperChoice"
    organisation = add(agent, wrapper, classCode="ORG", determinerCode="INSTANCE")
    add(organisation, "code", code="001", codeSystem=ORGANISATION_TYPE, displayName="General Medical Practice")
    add(organisation, "name", author.practice)


def add_participants(entry: Element, author: Author, kind: int, time: str) -> None:
    """Who wrote, told or did an entry: kind 0 nobody, 1 a performer, 2 an informant, 3 a device as its author."""
    if kind == 1:
        performer = add(entry, "performer", typeCode="PRF", contextControlCode="OP")
        add(performer, "time", value=time)
        add(performer, "modeCode", code="PHYSICAL", codeSystem=PERFORMER_MODE, displayName="physical presence")
        _person(performer, author)
    elif kind == 2:
        informant = add(entry, "informant", typeCode="INF", contextControlCode="OP")
        add(informant, "time", value=time)
        role = add(informant, "participantNonAgentRole", classCode="ROL")
        add(role, "code", code="01", codeSystem=RELATIONSHIP, displayName="Spouse")
        person = add(role, "playingNonAgentPerson", classCode="PSN", determinerCode="INSTANCE")
        add(person, "name", "A relative of the patient")
    elif kind == 3:
        writer = add(entry, "author", typeCode="AUT", contextControlCode="OP")
        add(writer, "time", value=time)
        agent = add(writer, _DEVICE, classCode="AGNT")
        add(agent, "id", root=uuid_of("device agent", author.practice))
        device = add(agent, "agentDevice", classCode="DEV", determinerCode="INSTANCE")
        add(device, "id", root=uuid_of("device", author.practice))
        add(device, "name", "Invented analyser")
        add(device, "manufacturerModelName", "Model 1")
        organisation = add(agent, "representedOrganizationSDS", classCode="ORG", determinerCode="INSTANCE")
        add(organisation, "id", root=ODS_ORGANISATION, extension=author.practice_ods)
        add(organisation, "name", author.practice)
