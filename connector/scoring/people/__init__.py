"""One person's dimensions, lines, flags and total."""
