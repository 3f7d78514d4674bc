"""The FHIR R4 form of calls and records, split by what is translated. Values in, JSON-ready dicts out; decides nothing."""
