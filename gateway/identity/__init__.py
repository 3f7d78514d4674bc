"""Who is it: tokens, assertions, certificates, sessions, the registry of systems and organisations."""
