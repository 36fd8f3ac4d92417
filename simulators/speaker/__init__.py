"""A simulated loudspeaker: commands and reports over MQTT."""
