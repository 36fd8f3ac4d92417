"""Composition root of the agent on a vehicle's computer."""
