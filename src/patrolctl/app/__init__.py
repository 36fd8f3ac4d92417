"""Composition root of the control service."""
