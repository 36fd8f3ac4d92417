"""Coverage, routing and compilation of missions."""
