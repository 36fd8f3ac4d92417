"""Who was reached, from tracks and playbacks."""
