"""The Spine side: HL7 V3 messages and the GP Summary (pure), the clients (I/O)."""
