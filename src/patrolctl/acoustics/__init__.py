"""Level and intelligibility at receivers."""
