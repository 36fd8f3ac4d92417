"""Speech synthesis and mastering."""
