"""The catalogue of faults an XML message can have: stable code, sentence, clause, and the gateway code each leads to.

Words only: it builds no finding and reads no message.
"""

from dataclasses import dataclass
from enum import Enum

from gateway.domain.codes import Code


@dataclass(frozen=True, slots=True)
class FaultEntry:
    """One line of the catalogue."""

    code: Code
    """The gateway code of a message whose first fault is this one."""
    sentence: str
    clause: str


_C = Code
_XML = "XML 1.0 (5th edition)"
_ITK = "ITK 2.2 Distribution Envelope v2.0"
_WSA = "WS-Addressing 1.0 Core"
_WSS = "WS-Security 1.1"


class Fault(Enum):
    """Stable finding codes, each with its gateway code, sentence and clause. The name in lower case with hyphens is the code on
    the wire and in /errors/{code}.
    """

    # fmt: off
    # the bytes
    TOO_LARGE = _C.MESSAGE_TOO_LARGE, "The message is larger than this door accepts.", "gateway limit"
    EMPTY = _C.MESSAGE_NOT_WELL_FORMED, "The message is empty.", f"{_XML} 2.1"
    ENCODING = _C.MESSAGE_FORBIDDEN_XML, "The bytes are not UTF-8.", "ITK WS-STD-01"
    ENCODING_LABEL = _C.MESSAGE_FORBIDDEN_XML, "The XML declaration names an encoding other than UTF-8.", "ITK WS-STD-01"
    BODY_INCOMPLETE = _C.MESSAGE_HEADERS, "The body that the headers announce did not come whole in time.", "RFC 9110 section 8.6"
    CONTENT_ENCODING = _C.MESSAGE_MEDIA_TYPE, "The body is not compressed in a way that is taken here.", "RFC 9110 section 8.4"
    MEDIA_TYPE = _C.MESSAGE_MEDIA_TYPE, "The message's media type is not one this door reads.", "RFC 9110 section 8.3"
    CHARSET_LABEL = _C.MESSAGE_MEDIA_TYPE, "The charset of the media type is not that of the message.", "RFC 7303 section 3.2"
    BYTE_ORDER_MARK = _C.MESSAGE_FORBIDDEN_XML, "A byte order mark of UTF-16 or UTF-32 stands before the message.", "ITK WS-STD-01"
    MISPLACED_BYTE_ORDER_MARK = _C.MESSAGE_NOT_WELL_FORMED, "A second byte order mark stands inside the message.", f"{_XML} 4.3.3"
    XML_VERSION = _C.MESSAGE_FORBIDDEN_XML, "The XML version is not 1.0.", f"{_XML} 2.8"
    CONTROL_CHARACTER = _C.MESSAGE_NOT_WELL_FORMED, "A control character that XML does not allow stands here.", f"{_XML} 2.2"
    DOCTYPE = _C.MESSAGE_FORBIDDEN_XML, "A document type declaration (DTD) is never accepted.", "SOAP 1.1 section 3; gateway limit"
    TOO_MANY_NAMESPACES = _C.MESSAGE_FORBIDDEN_XML, "The message declares more namespaces than allowed.", "gateway limit"
    INCLUSION = _C.MESSAGE_FORBIDDEN_XML, "An inclusion (XInclude) is never accepted.", "XInclude 1.0; gateway limit"
    PROCESSING_INSTRUCTION = _C.MESSAGE_FORBIDDEN_XML, "A processing instruction is never accepted.", "SOAP 1.1 section 3; gateway limit"
    ENTITY = _C.MESSAGE_NOT_WELL_FORMED, "An entity other than the five of XML is used; without a DTD it has no meaning.", f"{_XML} 4.1"
    TOO_DEEP = _C.MESSAGE_FORBIDDEN_XML, "The elements are nested too deeply.", "gateway limit"
    TOO_MANY_NODES = _C.MESSAGE_FORBIDDEN_XML, "The message has too many nodes.", "gateway limit"
    TOO_MANY_ATTRIBUTES = _C.MESSAGE_FORBIDDEN_XML, "An element has too many attributes.", "gateway limit"
    # well-formedness
    NOT_WELL_FORMED = _C.MESSAGE_NOT_WELL_FORMED, "The message is not well-formed XML from here on.", f"{_XML} 2.1"
    SMART_QUOTES = _C.MESSAGE_NOT_WELL_FORMED, "A typographic quotation mark stands where a plain one is needed.", f"{_XML} 2.3"
    TAG_MISMATCH = _C.MESSAGE_NOT_WELL_FORMED, "An element is closed by the end tag of another.", f"{_XML} 3 (Element Type Match)"
    UNCLOSED = _C.MESSAGE_NOT_WELL_FORMED, "The message ends before its elements are closed.", f"{_XML} 2.1"
    TRAILING_CONTENT = _C.MESSAGE_NOT_WELL_FORMED, "Something stands after the end of the root element.", f"{_XML} 2.1"
    DUPLICATE_ATTRIBUTE = _C.MESSAGE_NOT_WELL_FORMED, "An attribute is written twice.", f"{_XML} 3.1 (Unique Att Spec)"
    UNQUOTED_ATTRIBUTE = _C.MESSAGE_NOT_WELL_FORMED, "An attribute's value is not in quotation marks.", f"{_XML} 2.3"
    BARE_AMPERSAND = _C.MESSAGE_NOT_WELL_FORMED, "An ampersand stands alone.", f"{_XML} 2.4"
    UNBOUND_PREFIX = _C.MESSAGE_NOT_WELL_FORMED, "A prefix is used that is bound to no namespace.", "Namespaces in XML 1.0 section 5"
    # SOAP
    SOAP_VERSION = _C.MESSAGE_SOAP_VERSION, "The envelope is not of a SOAP version this door speaks.", "SOAP 1.1 section 4.1.2"
    NOT_SOAP = _C.MESSAGE_ENVELOPE, "The root element is not a SOAP envelope.", "SOAP 1.1 section 4"
    SOAP_STRUCTURE = _C.MESSAGE_ENVELOPE, "The SOAP envelope's parts are missing, doubled or out of order.", "SOAP 1.1 section 4"
    BODY_CONTENT = _C.MESSAGE_ENVELOPE, "The SOAP body must hold exactly one element.", "SOAP 1.1 section 4.3"
    MUST_UNDERSTAND = _C.MESSAGE_MUST_UNDERSTAND, "A header that must be understood is not known here.", "SOAP 1.1 section 4.2.3"
    # WS-Addressing and WS-Security
    HEADER_MISSING = _C.MESSAGE_HEADERS, "A required header is missing or empty.", f"{_WSA} section 3"
    HEADER_REPEATED = _C.MESSAGE_HEADERS, "A header that may stand once is repeated.", f"{_WSA} section 3.2"
    MESSAGE_ID = _C.MESSAGE_HEADERS, "The message id is not a UUID.", "ITK WS-ADR-01"
    ACTION = _C.MESSAGE_HEADERS, "wsa:Action is not the service that the message is for.", "ITK WS-ADR"
    SOAP_ACTION = _C.MESSAGE_HEADERS, "The HTTP header SOAPAction is not the action of the message.", "SOAP 1.1 section 6.1.1"
    REFERENCE_PROPERTIES = _C.MESSAGE_HEADERS, "wsa:From must hold an address only.", "ITK WS-ADR-08"
    REPLY_TO = _C.MESSAGE_HEADERS, "A synchronous service replies only to the anonymous address.", f"{_WSA} section 3.4"
    TOKEN_TYPE = _C.MESSAGE_VALUE, "The security token is of a type that is not read here.", f"{_WSS} section 6.3"
    SECURITY_PART = _C.MESSAGE_MUST_UNDERSTAND, "A part of wsse:Security, which must be understood, is not read here.", f"{_WSS} section 5"
    TIMESTAMP_FORM = _C.MESSAGE_HEADERS, "The time does not have its form, or is no date and time that there is.", f"{_WSS} section 10"
    TIMESTAMP_EXPIRED = _C.MESSAGE_EXPIRED, "The message's lifetime is over.", f"{_WSS} section 10"
    TIMESTAMP_FUTURE = _C.MESSAGE_EXPIRED, "The message was created in the future.", f"{_WSS} section 10"
    TIMESTAMP_ORDER = _C.MESSAGE_EXPIRED, "The message expires before it was created.", f"{_WSS} section 10"
    TIMESTAMP_LIFETIME = _C.MESSAGE_EXPIRED, "The message's lifetime is longer than allowed.", "gateway limit"
    # the viewers' own interfaces
    OPERATION_UNKNOWN = _C.MESSAGE_UNKNOWN_SERVICE, "The operation is not one of this door's.", "viewer interface"
    VERSION_UNKNOWN = _C.MESSAGE_UNKNOWN_SERVICE, "The interface version is not one this door speaks.", "viewer interface"
    OPERATION_ACTION = _C.MESSAGE_HEADERS, "The action is not that of the operation in the body.", f"{_WSA} section 3"
    TWO_PROOFS = _C.MESSAGE_COMBINATION, "The user is to be proved once, in the way this door takes.", "viewer interface"
    DISAGREEMENT = _C.MESSAGE_COMBINATION, "The value is not the one that another part of the message gives.", "viewer interface"
    NHS_NUMBER = _C.MESSAGE_VALUE, "The NHS number is not valid.", "NHS number check, Modulus 11"
    # distribution envelope
    SERVICE_MISMATCH = _C.MESSAGE_ENVELOPE, "The service is not the one that the rest of the message names.", f"{_ITK}, header/@service"
    SERVICE_UNKNOWN = _C.MESSAGE_UNKNOWN_SERVICE, "The service is not one of this door's.", _ITK
    INTERACTION_MISSING = _C.MESSAGE_UNKNOWN_SERVICE, "The interaction is not named in the handling specification.", _ITK
    INTERACTION_UNKNOWN = _C.MESSAGE_UNKNOWN_SERVICE, "The interaction is not one of this door's.", _ITK
    PROFILE_MISSING = _C.MESSAGE_ENVELOPE, "The manifest item names no profile.", f"{_ITK}, manifestitem/@profileid"
    PROFILE_MISMATCH = _C.MESSAGE_ENVELOPE, "The profile is not the one of the service.", f"{_ITK}, manifestitem/@profileid"
    UUID_FORM = _C.MESSAGE_ENVELOPE, "The id is not a UUID.", _ITK
    LOWER_CASE_UUID = _C.MESSAGE_ENVELOPE, "The UUID is written in lower case; its letters must be capitals.", f"{_ITK}, type uuid"
    COUNT_MISMATCH = _C.MESSAGE_ENVELOPE, "The count and the number of items differ.", _ITK
    SINGLE_PAYLOAD = _C.MESSAGE_ENVELOPE, "A mini service message has exactly one payload.", "ITK Spine mini services"
    PAYLOAD_ID = _C.MESSAGE_ENVELOPE, "Manifest item and payload do not have the same id.", _ITK
    IDS_REUSED = _C.MESSAGE_ENVELOPE, "Ids that must differ from each other are the same.", "ITK Toolkit rule crosscheck_id"
    MIME_TYPE = _C.MESSAGE_ENVELOPE, "The payload's media type is not text/xml.", f"{_ITK}, manifestitem/@mimetype"
    PAYLOAD_ENCODED = _C.MESSAGE_ENVELOPE, "The payload must be plain: not base64, compressed or encrypted.", _ITK
    PAYLOAD_EMPTY = _C.MESSAGE_ENVELOPE, "The payload holds no element.", f"{_ITK}, payload"
    PAYLOAD_ESCAPED = _C.MESSAGE_ENVELOPE, "The payload is escaped text instead of XML elements.", f"{_ITK}, payload"
    PAYLOAD_CDATA = _C.MESSAGE_ENVELOPE, "The payload is inside CDATA instead of being XML elements.", f"{_ITK}, payload"
    AUDIT_IDENTITY = _C.MESSAGE_ENVELOPE, "The audit identity is missing or blank.", "ITK COR-DEH-03"
    AUDIT_IDENTITY_STYLE = _C.MESSAGE_ENVELOPE, "The audit identity is neither of the Toolkit's form nor typed by an OID.", "ITK COR-DEH-04"
    SENDER_ADDRESS_STYLE = _C.MESSAGE_ENVELOPE, "The sender address is not of the Toolkit's form.", _ITK
    BLANK_ATTRIBUTE = _C.MESSAGE_ENVELOPE, "An attribute is blank.", "ITK Toolkit rule blank_attribute_checker"
    SCHEMA_LOCATION = (
        _C.MESSAGE_ENVELOPE, "A place of a schema (xsi:schemaLocation and the like) is never followed; leave it out.",
        "XML Schema 1.0 part 1, section 4.3.2",
    )
    ACKNOWLEDGEMENT_REQUESTED = _C.MESSAGE_ENVELOPE, "A synchronous service sends no acknowledgements; the request for one is ignored.", _ITK
    # field rules of the mini services
    DURATION = (
        _C.MESSAGE_VALUE, "The duration cannot be read, or is not one that is still to come.",
        "SCR mini service, createPTV effectiveTime and querySCR pTVDuration",
    )
    PROFESSIONAL = (
        _C.MESSAGE_VALUE, "The two ids are not those of one professional, or the professional is named twice.",
        "SCR mini service, createPTV subject1",
    )
    EMERGENCY_AND_PERMISSION = _C.MESSAGE_COMBINATION, "Emergency access creates no permission.", "SCR mini service, querySCR flags"
    ACCESS_REASON = (
        _C.MESSAGE_COMBINATION,
        "The reason of an emergency access has at most 128 characters, none of which turns the direction of writing; nothing else has one.",
        "SCR mini service, querySCR emergencyAccessReason",
    )
    REASON_AND_NOTE = (
        _C.MESSAGE_COMBINATION, "The reason and the note of the access facts differ.",
        "SCR mini service, querySCR emergencyAccessReason",
    )
    FLAGS_AND_FACTS = (
        _C.MESSAGE_COMBINATION, "The payload's flags and the access facts contradict each other.",
        "SCR mini service, querySCR flags",
    )
    PERIOD = (
        _C.MESSAGE_VALUE, "The report's period cannot be read, or ends before it starts.",
        "SCR mini service, querySCRActivity parameter.Period",
    )
    REPORT_KIND = (
        _C.MESSAGE_COMBINATION, "The report's code, its name and what it asks about contradict each other.",
        "SCR mini service, querySCRActivity code",
    )
    USER_ID = _C.MESSAGE_VALUE, "The user id is not valid.", "SDS user id"
    ROLE_PROFILE_ID = _C.MESSAGE_VALUE, "The role profile id is not valid.", "SDS role profile id"
    ACCESS_FACT = _C.MESSAGE_VALUE, "A part of the access facts cannot be used.", "access-facts"
    DATE_OF_BIRTH = (
        _C.MESSAGE_VALUE, "The date of birth is no date of the form asked for, or in the future.",
        "PDS mini service, Person.DateOfBirth",
    )
    PERSON_NAME = _C.MESSAGE_VALUE, "The name cannot be used.", "PDS mini service, Person.Name"
    POSTCODE = _C.MESSAGE_VALUE, "The postcode cannot be used.", "PDS mini service, Person.Postcode"
    SEARCH_DETAILS = _C.MESSAGE_COMBINATION, "There is not enough to search with.", "PDS mini service, what a search needs"
    # schema
    WRONG_NAMESPACE = _C.MESSAGE_SCHEMA, "The element stands in the wrong namespace.", "Namespaces in XML 1.0"
    NO_NAMESPACE = _C.MESSAGE_SCHEMA, "The element stands in no namespace.", "Namespaces in XML 1.0"
    ROOT_ELEMENT = _C.MESSAGE_SCHEMA, "The payload's root element is not the one of the service.", "message schema"
    CONTRADICTION = _C.MESSAGE_COMBINATION, "Interaction, profile and payload do not name the same operation.", "ITK Spine mini services"
    ELEMENT_ORDER = _C.MESSAGE_SCHEMA, "The element stands in the wrong place; the order of elements is fixed.", "message schema"
    ELEMENT_MISSING = _C.MESSAGE_SCHEMA, "A required element is missing.", "message schema"
    ELEMENT_UNEXPECTED = _C.MESSAGE_SCHEMA, "The element is not expected here.", "message schema"
    ELEMENT_REPEATED = _C.MESSAGE_SCHEMA, "The element stands more often than allowed.", "message schema"
    ELEMENT_NAME_CASE = _C.MESSAGE_SCHEMA, "The element's name is written with other capitals.", "message schema"
    ATTRIBUTE_MISSING = _C.MESSAGE_SCHEMA, "A required attribute is missing.", "message schema"
    ATTRIBUTE_UNEXPECTED = _C.MESSAGE_SCHEMA, "The attribute is not allowed here.", "message schema"
    FIXED_VALUE = _C.MESSAGE_SCHEMA, "The value is fixed and is another one.", "message schema"
    VALUE_FORM = _C.MESSAGE_SCHEMA, "The value does not have the form its type demands.", "message schema"
    TEXT_UNEXPECTED = _C.MESSAGE_SCHEMA, "Text stands where only elements may.", "message schema"
    NIL_CONTENT = _C.MESSAGE_SCHEMA, "An element marked nil has content, or may not be nil.", "XML Schema 1.0 part 1, section 2.6.2"
    SCHEMA = _C.MESSAGE_SCHEMA, "The message does not follow its schema.", "message schema"
    # fmt: on

    def __init__(self, code: Code, sentence: str, clause: str) -> None:
        self.entry = FaultEntry(code, sentence, clause)

    @property
    def slug(self) -> str:
        """The finding code: lower case with hyphens."""
        return self.name.lower().replace("_", "-")


BY_SLUG: dict[str, Fault] = {fault.slug: fault for fault in Fault}
