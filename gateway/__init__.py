"""SCR gateway: the one boundary through which clinical systems view NHS Summary Care Records."""
