"""Import and export of other people's formats."""
