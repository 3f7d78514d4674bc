"""The vendors' screens in a browser, and the launch lab."""
