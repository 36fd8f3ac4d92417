"""Frozen values, the run state machine, events and errors."""
