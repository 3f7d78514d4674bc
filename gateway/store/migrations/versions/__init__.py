"""One file a version, oldest first; never edited once released."""
