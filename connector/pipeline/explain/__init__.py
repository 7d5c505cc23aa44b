"""Answers for readers: why a number is what it is, now and at any past date."""
