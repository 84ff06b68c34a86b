"""Scenarios of sync. Each takes a bench and returns what was seen; it asserts nothing."""
