"""What every sandbox org shares: wire, clock, records, faults, the call ledger and the control surface."""
