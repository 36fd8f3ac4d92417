"""What may be said: texts, clips, approval, alerts."""
