"""The one list of steps."""
