"""Soak and chaos: mixed traffic through every door while things break, and then the reckoning. `python -m tests.soak --help`."""
