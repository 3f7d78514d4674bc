"""The CapabilityStatement of GET /fhir/R4/metadata. Values only; it claims what the door does and no more."""

from gateway.adapters.fhir.datatypes import FHIR_JSON, Json


def capability(base: str) -> Json:
    """The statement of a server at `base`."""
    return {
        "resourceType": "CapabilityStatement",
        "id": "scr-gateway",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "software": {"name": "scr-gateway"},
        "implementation": {"description": "Summary Care Records through the SCR gateway", "url": base},
        "fhirVersion": "4.0.1",
        "format": [FHIR_JSON, "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "A record is shown under the gateway's access policy: the ID token of the user, and the"
                " access facts in X-SCR-Access or recorded before through POST /permissions.",
                "security": {
                    "description": "Mutual TLS for systems; an ID token as bearer token for users (RFC 6750)."
                },
                "resource": [
                    {
                        "type": "DocumentReference",
                        "documentation": "Whether a patient has a viewable summary, and the id of the newest.",
                        "interaction": [{"code": "search-type"}],
                        "searchParam": [
                            {
                                "name": "patient",
                                "type": "reference",
                                "documentation": "The NHS number with its system, as the national API has it; mandatory",
                            },
                            {"name": "type", "type": "token"},
                            {"name": "_sort", "type": "string"},
                            {"name": "_count", "type": "number"},
                        ],
                    },
                    {
                        "type": "Bundle",
                        "documentation": "The newest summary of a patient, by the id DocumentReference gave.",
                        "interaction": [{"code": "search-type"}],
                        "searchParam": [
                            {"name": "composition.identifier", "type": "token", "documentation": "mandatory"},
                            {
                                "name": "composition.subject:Patient.identifier",
                                "type": "token",
                                "documentation": "NHS number with its system; mandatory",
                            },
                        ],
                    },
                    {
                        "type": "AuditEvent",
                        "documentation": "A privacy alert beside those the gateway raises itself.",
                        "interaction": [{"code": "create"}],
                    },
                ],
            }
        ],
    }
