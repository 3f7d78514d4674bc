"""The sandbox's invented people, organisations, systems and patients."""
