"""Occurrences that fire once."""
