"""The catalogue of stable codes: every refusal, fault and failure the gateway can answer, with its safe public sentence.

Wire forms (SOAP faults, ToolkitErrorInfo, RFC 9457 problems, OperationOutcome, pages) map from here and add
nothing of their own. A code, once published, keeps its meaning.
"""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """Who can do something about it; also the exit status of a vendor stub (in brackets)."""

    REFUSED = "refused"  # the caller may not (3)
    NO_RECORD = "no_record"  # nothing to show (4)
    INVALID = "invalid"  # the message is wrong (5)
    UNAVAILABLE = "unavailable"  # Spine, or what it said, or ourselves (6)


@dataclass(frozen=True, slots=True, eq=False)  # by identity: two codes may share their words
class Entry:
    """One line of the catalogue."""

    kind: Kind
    http: int
    """HTTP status where the wire form leaves the choice (problem documents, FHIR, pages)."""
    sentence: str
    """What a person is told; names no patient, no rule's inside and no way round."""
    next_step: str = ""
    """The right thing to do next, for the person in that seat."""


R, N, I, U = Kind.REFUSED, Kind.NO_RECORD, Kind.INVALID, Kind.UNAVAILABLE  # noqa: E741 - four columns of the table below
_CORRECT = "Ask the system's supplier to correct the message; each fault in it is named."


class Code(Enum):
    """Stable codes, grouped by who answers for them."""

    # the calling system
    SYSTEM_UNKNOWN = Entry(
        R,
        401,
        "The calling system is not registered.",
        "Ask the system's supplier to check its certificate and registration.",
    )
    SYSTEM_SUSPENDED = Entry(R, 403, "The calling system is suspended.", "Contact the operator of this gateway.")
    SYSTEM_CERTIFICATE = Entry(
        R,
        401,
        "The calling system's certificate is not accepted.",
        "Ask the system's supplier to renew or register the certificate.",
    )
    SYSTEM_SIGNATURE = Entry(
        R,
        401,
        "The message's signature does not hold.",
        "Sign Body and Timestamp with the certificate registered for the system, or send the message unsigned.",
    )
    SYSTEM_NETWORK = Entry(
        R,
        403,
        "The request did not come from the registered secure network.",
        "Connect through the organisation's secure network.",
    )
    SYSTEM_OPERATION = Entry(
        R, 403, "The calling system is not registered for this operation.", "Contact the operator of this gateway."
    )
    SYSTEM_FORWARDED = Entry(
        R,
        403,
        "A forwarded certificate was sent where none is accepted.",
        "Remove the header; only the configured proxy may send it.",
    )
    RATE_LIMITED = Entry(
        U, 429, "The calling system has sent too many requests.", "Wait as long as Retry-After says, then try again."
    )
    # the message
    MESSAGE_TOO_LARGE = Entry(
        I, 413, "The message is larger than this door accepts.", "Send less; the guide of the door names its limits."
    )
    MESSAGE_MEDIA_TYPE = Entry(
        I,
        415,
        "The message's media type is not one this door reads.",
        "Send the media type that the guide of the door names, in UTF-8.",
    )
    MESSAGE_NOT_WELL_FORMED = Entry(I, 400, "The message is not well-formed XML.", _CORRECT)
    MESSAGE_FORBIDDEN_XML = Entry(
        I,
        400,
        "The message uses XML features that are never accepted (DTD, entities, too deep or too many nodes, an encoding other than UTF-8).",
        _CORRECT,
    )
    MESSAGE_ENVELOPE = Entry(I, 400, "The message's envelope is not valid.", _CORRECT)
    MESSAGE_HEADERS = Entry(I, 400, "A required message header is missing or wrong.", _CORRECT)
    MESSAGE_EXPIRED = Entry(
        I,
        400,
        "The message's time stamp has expired or is not yet valid.",
        "Check the clock of the sending system, and send the message anew.",
    )
    MESSAGE_UNKNOWN_SERVICE = Entry(
        I, 400, "The service, interaction or version named in the message is not known here.", _CORRECT
    )
    MESSAGE_SCHEMA = Entry(I, 400, "The message does not follow its schema.", _CORRECT)
    MESSAGE_VALUE = Entry(I, 400, "A value in the message is not allowed.", "Correct what is named, and send it again.")
    MESSAGE_COMBINATION = Entry(
        I, 400, "Values in the message contradict each other.", "Correct what is named, and send it again."
    )
    MESSAGE_REPLAYED = Entry(
        I, 400, "This message has been received before.", "Send each request with a new message id."
    )
    MESSAGE_MUST_UNDERSTAND = Entry(I, 400, "A header that must be understood is not known here.", _CORRECT)
    MESSAGE_SOAP_VERSION = Entry(I, 400, "The SOAP version is not the one this door speaks.", _CORRECT)
    PAGE_NOT_FOUND = Entry(I, 404, "There is nothing at this address.")
    METHOD_NOT_ALLOWED = Entry(I, 405, "This address does not answer that method.")
    NOT_ACCEPTABLE = Entry(I, 406, "None of the media types asked for can be given.")
    # the user
    CREDENTIALS_MISSING = Entry(
        R, 401, "The user's sign-in was not proved.", "Sign in with your smartcard and try again."
    )
    CREDENTIALS_INVALID = Entry(
        R, 401, "The user's sign-in could not be accepted.", "Sign in again with your smartcard."
    )
    CREDENTIALS_EXPIRED = Entry(R, 401, "The user's sign-in has expired.", "Sign in again with your smartcard.")
    CREDENTIALS_AUDIENCE = Entry(
        R, 401, "The user's sign-in was made for another system.", "Sign in through the system you are using."
    )
    CREDENTIALS_ASSURANCE = Entry(
        R,
        403,
        "The user's sign-in is not strong enough.",
        "Sign in with a smartcard or another method of the same strength.",
    )
    CREDENTIALS_REPLAYED = Entry(
        R, 401, "This sign-in or launch has been used before.", "Open the record again from your system."
    )
    USER_UNKNOWN = Entry(R, 403, "The user is not known to the directory.", "Contact your registration authority.")
    USER_MISMATCH = Entry(
        R,
        403,
        "The user named in the message is not the user who signed in.",
        "Sign in again in the system you are using.",
    )
    ROLE_NONE = Entry(R, 403, "The user holds no role.", "Contact your registration authority.")
    ROLE_NOT_CHOSEN = Entry(
        R, 403, "The user holds several roles and none was chosen.", "Choose one role, then try again."
    )
    ROLE_NOT_HELD = Entry(R, 403, "The role named is not one of the user's roles.", "Choose one of your own roles.")
    ROLE_ORGANISATION = Entry(
        R,
        403,
        "The role belongs to another organisation than the calling system.",
        "Choose your role at this organisation.",
    )
    ROLE_ACTIVITY = Entry(
        R,
        403,
        "The role does not hold the activity this needs.",
        "Ask your registration authority about the activities on your smartcard.",
    )
    USER_TRAINING = Entry(
        R,
        403,
        "The user's Summary Care Record training is not recorded as complete.",
        "Complete the training, then try again.",
    )
    # the organisation and what the view is for
    ORGANISATION_NOT_LIVE = Entry(
        R,
        403,
        "The organisation is not set up to view Summary Care Records.",
        "Ask your privacy officer how far the set-up has come; see /organisations and /interest.",
    )
    SITE_NOT_AGREED = Entry(
        R,
        403,
        "The site is not one of the organisation's agreed sites.",
        "Ask your privacy officer which sites are agreed; see /organisations.",
    )
    SETTING_NOT_APPROVED = Entry(
        R,
        403,
        "This care setting is not approved to view Summary Care Records.",
        "An organisation may express its interest at /interest.",
    )
    SETTING_UNKNOWN = Entry(
        R, 403, "This care setting is not known.", "An organisation may express its interest at /interest."
    )
    SETTING_NOT_REGISTERED = Entry(
        R,
        403,
        "The care setting named is not one the calling system is registered for.",
        "Use the system of the setting you work in.",
    )
    PURPOSE_REFUSED = Entry(
        R,
        403,
        "Summary Care Records are never viewed for this purpose.",
        "Ask your information governance lead how such a request is answered.",
    )
    PURPOSE_NOT_REGISTERED = Entry(
        R,
        403,
        "The purpose named is not the one the calling system is registered for.",
        "Ask the operator of your system what it is registered for.",
    )
    # relationship and permission
    RELATIONSHIP_MISSING = Entry(
        R,
        403,
        "No legitimate relationship with this patient is recorded.",
        "If you are involved in this patient's care, record or claim the relationship first.",
    )
    PERMISSION_MISSING = Entry(
        R, 403, "The patient's permission to view is not recorded.", "Ask the patient, and record the answer."
    )
    PERMISSION_REFUSED = Entry(
        R, 403, "The patient has refused permission to view.", "Care for the patient without this record."
    )
    PERMISSION_SCOPE = Entry(
        R, 403, "The permission recorded does not cover this view.", "Ask the patient again, and record the answer."
    )
    EMERGENCY_NOTE = Entry(
        R,
        403,
        "Viewing without permission needs a note that explains why.",
        "Write what prevents you from asking, in at least two words and 10 to 128 characters, and not in the words of one of your last five notes.",
    )
    EMERGENCY_REASON = Entry(
        R,
        403,
        "Emergency access is for patients who cannot be asked.",
        "Ask the patient, or state why the patient cannot answer.",
    )
    EMERGENCY_AFTER_REFUSAL = Entry(
        R,
        403,
        "The patient has refused permission here within the last 24 hours.",
        "Emergency access opens only if the patient's condition has changed since; state that, with a note of its own.",
    )
    LEGAL_BASIS = Entry(
        R,
        403,
        "Viewing under a legal override needs its basis and a note.",
        "Name the basis and explain it in the note.",
    )
    # the patient and the record
    SCR_NOT_AVAILABLE = Entry(
        R, 403, "No Summary Care Record is available for this patient.", "Care for the patient without this record."
    )
    UNDER_REVIEW = Entry(
        R,
        403,
        "The patient's demographic record is under review.",
        "Contact the national back office if this persists.",
    )
    DECEASED_NOT_CONFIRMED = Entry(
        R,
        403,
        "The patient is recorded as deceased.",
        "Confirm that the record is still needed for direct care or a duty after death.",
    )
    BIRTH_DATE_MISMATCH = Entry(
        R, 403, "The date of birth given is not the patient's.", "Check that this is the right patient."
    )
    SCR_NOT_FOUND = Entry(
        N,
        404,
        "No Summary Care Record was found for this patient. This does not mean that nothing is known.",
        "Use other sources of information.",
    )
    PATIENT_NOT_FOUND = Entry(N, 404, "No patient was found.", "Check the NHS number or the details given.")
    PATIENT_NOT_UNIQUE = Entry(
        N, 404, "The details given do not find exactly one patient.", "Give more details, or use the NHS number."
    )
    PATIENT_NOT_VERIFIED = Entry(
        N,
        404,
        "The NHS number exists, but the details given are not its patient's.",
        "Check the details with the patient.",
    )
    NUMBER_INVALIDATED = Entry(N, 404, "This NHS number is no longer valid.", "Find the patient's current NHS number.")
    # Spine and what it said
    SPINE_UNREACHABLE = Entry(
        U, 503, "Spine could not be reached in time.", "Try again; if it lasts, use other sources of information."
    )
    SPINE_FAULT = Entry(
        U, 503, "Spine could not process the request.", "Try again; if it lasts, use other sources of information."
    )
    SPINE_UNUSABLE = Entry(
        U,
        502,
        "Spine's answer could not be used safely, so it is not shown.",
        "Use other sources of information; the operator has been told.",
    )
    SPINE_WRONG_PATIENT = Entry(
        U,
        502,
        "Spine's answer could not be used safely, so it is not shown.",
        "Use other sources of information; the operator has been told.",
    )
    SPINE_ACTIVE_CONTENT = Entry(
        U,
        502,
        "Spine's answer could not be used safely, so it is not shown.",
        "Use a door that shows the record as text; the operator has been told.",
    )
    # ourselves
    ANSWER_INVALID = Entry(
        U,
        500,
        "The answer could not be built correctly, so it is not sent.",
        "Report the correlation id to the operator.",
    )
    AUDIT_UNAVAILABLE = Entry(
        U,
        503,
        "The access could not be recorded, so the record is not shown.",
        "Try again in a minute. Until then no door of this gateway shows a record: if it is needed now, use other sources.",
    )
    OVERLOADED = Entry(U, 503, "The gateway is busy.", "Try again in a few seconds.")
    DIRECTORY_UNAVAILABLE = Entry(U, 503, "The user's roles could not be looked up.", "Try again in a minute.")
    IDENTITY_UNAVAILABLE = Entry(U, 503, "The sign-in could not be checked.", "Try again in a minute.")
    INTERNAL = Entry(U, 500, "Something went wrong, so nothing is shown.", "Report the correlation id to the operator.")
    # browser sessions and launches
    SESSION_MISSING = Entry(R, 401, "You are not signed in.", "Sign in with your smartcard.")
    SESSION_EXPIRED = Entry(R, 401, "Your session has ended.", "Sign in again.")
    LAUNCH_INVALID = Entry(R, 403, "This launch is not valid.", "Open the record again from your system.")
    LAUNCH_EXPIRED = Entry(R, 403, "This launch has expired.", "Open the record again from your system.")
    LAUNCH_SPENT = Entry(R, 403, "This launch has been used before.", "Open the record again from your system.")
    FORM_TOKEN = Entry(
        R,
        403,
        "The form was not sent from this page.",
        "If somebody has signed in again in this browser, start again; else go back, reload the page and try again.",
    )
    # the privacy officer's queue
    ALERT_OWN_ACCESS = Entry(
        R,
        403,
        "An alert is not closed by the person whose access raised it.",
        "Ask another privacy officer to close it.",
    )
    ALERT_CHANGED = Entry(
        I,
        409,
        "Somebody else has acted on this alert meanwhile.",
        "Look at the alert again, then act on it as it is now.",
    )

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    def __str__(self) -> str:
        return self.slug

    @property
    def slug(self) -> str:
        """The code on the wire and in /errors/{code}: lower case with hyphens."""
        return self.name.lower().replace("_", "-")

    @property
    def kind(self) -> Kind:
        """Who can do something about it."""
        return self.entry.kind

    @property
    def sentence(self) -> str:
        """The public sentence."""
        return self.entry.sentence


BY_SLUG: dict[str, Code] = {code.slug: code for code in Code}
