"""What is decided, what is decided anew, and what is taken back before it could be sent."""
