"""Checks that return violations; shares no code with planning."""
