"""The contract of the ports as tests, for our adapters and for those of others.

``adapters.conformance.suite`` gives the tests, one line per adapter; ``write_rule`` is the part of the contract that
adapters may run themselves. ``docs/adapters.md`` shows both in use.
"""
