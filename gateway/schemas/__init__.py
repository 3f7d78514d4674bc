"""Our XML Schemas and WSDLs, one folder a family; data only."""
