"""Server-rendered pages: the standalone viewer, launches, the privacy officer's workbench."""
