"""Schedules: what is due, missed, in conflict."""
