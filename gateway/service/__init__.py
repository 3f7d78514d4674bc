"""The use cases: who is it, decide, audit, Spine, audit, answer. Knows no wire form, no database and no HTTP."""
