"""Figures, each with its reference in the same run. `python -m tests.bench`."""
