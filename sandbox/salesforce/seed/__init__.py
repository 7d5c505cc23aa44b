"""Make a fresh org and fill it from the sample people."""
