"""The Additional Information groups: section code, header id, title, and the entry elements each may hold.

Section codes and element names are the wire's (REPC_MT150007UK05); order is the one summaries are read in.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EntryShape:
    """Element name and HL7 class and mood of a coded entry."""

    element: str
    class_code: str
    mood_code: str = "EVN"


@dataclass(frozen=True, kw_only=True)
class Group:
    """One group: header_id and title None where it is told in codes only, never in the text."""

    key: str
    code: str
    display: str
    shapes: tuple[EntryShape, ...]
    header_id: str | None = None
    title: str | None = None


def _group(key: str, code: str, display: str, *shapes: tuple[str, str], shown: bool = True) -> Group:
    return Group(
        key=key,
        code=code,
        display=display,
        shapes=tuple(EntryShape(element=f"UKCT_MT{element}", class_code=class_code) for element, class_code in shapes),
        header_id=f"{key}Header" if shown else None,
        title=display if shown else None,
    )


ALLERGIES_CODE = "163221000000102"
MEDICATION_CODE = "185361000000102"
DOCUMENTATION_CODE = "163171000000105"
THIRD_PARTY_CODE = "163191000000109"

GROUPS = (
    _group("RisksToPatient", "163231000000100", "Risks to Patient", ("144054UK01.RiskToPatient", "OBS")),
    _group("Diagnoses", "163001000000103", "Diagnoses", ("144042UK01.Diagnosis", "CON")),
    _group("Problems", "162991000000102", "Problems and Issues", ("144038UK02.Problem", "CNOD")),
    _group(
        "Observations",
        "163131000000108",
        "Clinical Observations and Findings",
        ("144043UK02.BloodPressure", "OBS"),
        ("144043UK02.Weight", "OBS"),
        ("144043UK02.Height", "OBS"),
        ("144043UK02.Temperature", "OBS"),
        ("144043UK02.Finding", "OBS"),
    ),
    _group("Treatments", "163071000000106", "Treatments", ("144055UK01.Treatment", "PROC")),
    _group("Investigations", "163081000000108", "Investigations", ("144045UK01.Investigation", "PROC")),
    _group("Results", "163141000000104", "Investigation Results", ("144043UK02.Finding", "OBS")),
    _group("Events", "162951000000105", "Care Events", ("144037UK01.CareEvent", "ENC")),
    _group(
        "Procedures", "163091000000105", "Administrative Procedures", ("144050UK01.AdministrativeProcedure", "PROC")
    ),
    _group(
        "Advice",
        "163101000000102",
        "Provision of Advice and Information to Patients and Carers",
        ("144049UK01.ProvisionOfAdviceAndInformation", "INFRM"),
    ),
    _group("Preferences", "162961000000108", "Personal Preferences", ("144046UK01.PersonalPreference", "OBS")),
    _group(
        "Circumstances",
        "163021000000107",
        "Social and Personal Circumstances",
        ("144036UK01.SocialOrPersonalCircumstance", "OBS"),
    ),
    _group(
        "Lifestyle",
        "163041000000100",
        "Lifestyle",
        ("144036UK01.Smoking", "OBS"),
        ("144036UK01.AlcoholIntake", "OBS"),
        ("144036UK01.LifeStyle", "OBS"),
    ),
    _group("History", "163051000000102", "Family History", ("144044UK01.FamilyHistory", "OBS")),
    _group("Services", "163031000000109", "Services, Care Professionals and Carers", ("144047UK01.Service", "PCPR")),
    _group(
        "Documentation",
        DOCUMENTATION_CODE,
        "Care Professional Documentation",
        ("144035UK01.CareProfessionalDocumentation", "DOC"),
    ),
    _group(
        "PatientCarerCorrespondence",
        "163181000000107",
        "Patient/Carer Correspondence",
        ("144035UK01.PatientCarerCorrespondence", "DOC"),
    ),
    _group(
        "RisksToProfessional",
        "163241000000109",
        "Risks to Care Professional or Third Party",
        ("144041UK01.RiskToPerson", "OBS"),
    ),
    _group("LinkAssertion", "181331000000109", "Link Assertion", ("144039UK02.LinkAssertion", "OBS"), shown=False),
)
BY_KEY = {group.key: group for group in GROUPS}
