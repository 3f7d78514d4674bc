"""State that must survive: audit, alerts, permissions, relationships, spent ids, sessions, launches."""
