"""SOAP: envelopes, and the calls of the partner service."""
