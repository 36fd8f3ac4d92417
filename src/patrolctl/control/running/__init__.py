"""Runs: launched, commanded, taken up again, proved."""
