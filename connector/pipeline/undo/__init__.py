"""Putting back what a run wrote."""
