"""Urgent announcements and live talk, beside any run."""
