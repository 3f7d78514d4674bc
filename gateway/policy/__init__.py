"""Who may see what: facts in, decision out. Pure; knows no wire, no store and no clock."""
