"""A Spine that plays the sandbox's patients: PSIS, PDS, directory, access control, alerts. A stub, and says so."""
