"""Both sides compared, and repaired if asked."""
