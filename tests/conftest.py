"""What holds for all tests."""

import signal

# A shell starts background jobs with SIGINT ignored, and children inherit it:
# tests that interrupt a child would then test the shell.
signal.signal(signal.SIGINT, signal.default_int_handler)
