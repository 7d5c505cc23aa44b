"""What people add up to at their account."""
