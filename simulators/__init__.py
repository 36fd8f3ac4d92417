"""Simulated vehicles and loudspeakers that speak only the wire."""
