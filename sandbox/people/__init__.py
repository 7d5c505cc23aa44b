"""The sample company: who exists, what each system knows, what they did."""
