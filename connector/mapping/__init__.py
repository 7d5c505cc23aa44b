"""The files people write."""
