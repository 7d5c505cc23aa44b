"""Fill a fresh account from the sample people."""
