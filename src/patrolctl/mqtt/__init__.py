"""Telemetry out and speaker messages."""
