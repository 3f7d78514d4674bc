"""XML in and out: the one hardened parser, the schema catalogue, SOAP and ITK envelopes."""
