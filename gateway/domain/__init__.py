"""The field's own values, frozen and valid once built. Imports nothing else of the project."""
