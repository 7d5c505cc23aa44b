"""``python -m sandbox`` starts the local orgs."""

import sys

from sandbox.serve import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
