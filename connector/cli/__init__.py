"""The command line: ``handoff …`` and ``python -m connector …``."""

import atexit
import gc

# What is imported never becomes garbage, and looking through it while it grows takes a sixth of a command's start.
_collecting = gc.isenabled()
gc.disable()
try:
    from connector.cli.app import main
finally:
    gc.freeze()
    if _collecting:
        gc.enable()
# Frozen objects would be reported as leaks by extension modules when the interpreter ends.
atexit.register(gc.unfreeze)

__all__ = ["main"]
