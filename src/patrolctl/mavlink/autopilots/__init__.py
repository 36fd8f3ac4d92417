"""Each autopilot's quirks, behind one interface."""
