"""The coded sections of a GP Summary as FHIR needs them: section codes, headings, and which resource an entry becomes.

Values only. Codes and element names are those of REPC_MT150007UK05; an entry not listed here is kept as Basic.
"""

from typing import Final

ALLERGIES: Final = "163221000000102"
MEDICATION: Final = "185361000000102"
DIAGNOSES: Final = "163001000000103"
PROBLEMS: Final = "162991000000102"
FAMILY_HISTORY: Final = "163051000000102"
LIFESTYLE: Final = "163041000000100"
CIRCUMSTANCES: Final = "163021000000107"
PREFERENCES: Final = "162961000000108"

SECTIONS: Final = {
    ALLERGIES: "Allergies and Adverse Reactions",
    MEDICATION: "Medication",
    DIAGNOSES: "Diagnoses",
    PROBLEMS: "Problems and Issues",
    "163131000000108": "Clinical Observations and Findings",
    "163141000000104": "Investigation Results",
    "163081000000108": "Investigations",
    "163071000000106": "Treatments",
    "163231000000100": "Risks to Patient",
    "163241000000109": "Risks to Care Professional or Third Party",
    PREFERENCES: "Personal Preferences",
    CIRCUMSTANCES: "Social and Personal Circumstances",
    LIFESTYLE: "Lifestyle",
    FAMILY_HISTORY: "Family History",
    "162951000000105": "Care Events",
    "163091000000105": "Administrative Procedures",
    "163101000000102": "Provision of Advice and Information to Patients and Carers",
    "163031000000109": "Services, Care Professionals and Carers",
    "163171000000105": "Care Professional Documentation",
    "163181000000107": "Patient/Carer Correspondence",
    "163191000000109": "Third Party Correspondence",
    "181331000000109": "Link Assertion",
}
"""Section code (SNOMED CT) -> its name; names on the wire vary and are not read."""

HEADINGS: Final = {
    "AllergiesHeader": ALLERGIES,
    "AcuteMedsHeader": MEDICATION,
    "RepeatMedsHeader": MEDICATION,
    "DiscRepeatMedsHeader": MEDICATION,
    "RisksToPatientHeader": "163231000000100",
    "DiagnosesHeader": DIAGNOSES,
    "ProblemsHeader": PROBLEMS,
    "ObservationsHeader": "163131000000108",
    "TreatmentsHeader": "163071000000106",
    "ResultsHeader": "163141000000104",
    "InvestigationsHeader": "163081000000108",
    "EventsHeader": "162951000000105",
    "ProceduresHeader": "163091000000105",
    "AdviceHeader": "163101000000102",
    "PreferencesHeader": PREFERENCES,
    "CircumstancesHeader": CIRCUMSTANCES,
    "LifestyleHeader": LIFESTYLE,
    "HistoryHeader": FAMILY_HISTORY,
    "DocumentationHeader": "163171000000105",
    "PatientCarerCorrespondenceHeader": "163181000000107",
    "RisksToProfessionalHeader": "163241000000109",
    "ServicesHeader": "163031000000109",
}
"""Heading id -> the code of the section it heads."""

MEDICATION_HEADINGS: Final = {
    "AcuteMedication": "AcuteMedsHeader",
    "CurrentRepeatMedication": "RepeatMedsHeader",
    "DiscontinuedRepeatMedication": "DiscRepeatMedsHeader",
}
"""The three lists of medication share one section code; the kind of entry tells them apart."""

BELONGS: Final = {
    "Allergy": ALLERGIES,
    "AcuteMedication": MEDICATION,
    "CurrentRepeatMedication": MEDICATION,
    "DiscontinuedRepeatMedication": MEDICATION,
    "MedicationAdministration": MEDICATION,
    "Diagnosis": DIAGNOSES,
    "Problem": PROBLEMS,
    "Investigation": "163081000000108",
    "Treatment": "163071000000106",
    "RiskToPatient": "163231000000100",
    "RiskToPerson": "163241000000109",
    "PersonalPreference": PREFERENCES,
    "SocialOrPersonalCircumstance": CIRCUMSTANCES,
    "LifeStyle": LIFESTYLE,
    "Smoking": LIFESTYLE,
    "AlcoholIntake": LIFESTYLE,
    "FamilyHistory": FAMILY_HISTORY,
    "CareEvent": "162951000000105",
    "AdministrativeProcedure": "163091000000105",
    "ProvisionOfAdviceAndInformation": "163101000000102",
    "Service": "163031000000109",
    "CareProfessionalDocumentation": "163171000000105",
    "PatientCarerCorrespondence": "163181000000107",
    "ThirdPartyCorrespondence": "163191000000109",
}
"""Entry element -> the one section it belongs to. Senders have put lifestyle under circumstances; the element decides."""

RESOURCES: Final = {
    **dict.fromkeys(("Allergy", "AllergyDE"), "AllergyIntolerance"),
    **dict.fromkeys(
        ("AcuteMedication", "CurrentRepeatMedication", "DiscontinuedRepeatMedication", "MedicationAdministration"),
        "MedicationStatement",
    ),
    **dict.fromkeys(("Diagnosis", "Problem"), "Condition"),
    **dict.fromkeys(
        (
            "Finding", "FindingOrganizer", "BloodPressure", "Weight", "Height", "Temperature", "RiskToPatient",
            "RiskToPerson", "PersonalPreference", "Refusal", "SocialOrPersonalCircumstance", "LifeStyle", "Smoking",
            "AlcoholIntake", "FamilyHistory",
        ),
        "Observation",
    ),
    **dict.fromkeys(("Investigation", "Treatment", "AdministrativeProcedure"), "Procedure"),
    "CareEvent": "Encounter",
    **dict.fromkeys(
        (
            "ProvisionOfAdviceAndInformation", "CareProfessionalDocumentation", "PatientCarerCorrespondence",
            "ThirdPartyCorrespondence",
        ),
        "Communication",
    ),
}  # fmt: skip
"""Entry element -> resource type; anything else is Basic."""


def heading_of(section_id: str | None) -> str | None:
    """The heading a section's id names; a table's id is its heading's without `Header`."""
    if section_id is None:
        return None
    return next((name for name in (section_id, f"{section_id}Header") if name in HEADINGS), None)
