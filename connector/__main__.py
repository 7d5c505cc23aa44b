"""``python -m connector`` is the same as ``handoff``."""

from connector.cli import main

if __name__ == "__main__":
    main()
