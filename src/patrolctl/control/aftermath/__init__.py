"""After a run: gaps, alerts, the overview."""
