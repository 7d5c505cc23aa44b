"""What contacts did: forms they sent, events, marketing e-mail."""
