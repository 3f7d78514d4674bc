"""How a summary record is shown to systems that take it in this gateway's own forms: structured XML, and a ready pane."""
