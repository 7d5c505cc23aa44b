"""What we ask of the outside: sources, CRMs, the state, the call budget. Promises stand in docstrings."""
