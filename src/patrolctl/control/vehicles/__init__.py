"""The fleet: each member, its loudspeaker and who has the floor."""
