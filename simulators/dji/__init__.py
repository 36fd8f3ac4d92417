"""A simulated DJI dock with an aircraft that carries a loudspeaker.

Only what DJI's documentation of the speaker methods says ("PSDK Function",
dock to cloud) goes over its wire.
"""
