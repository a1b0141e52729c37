"""`python -m basegate`; see `basegate.cli`."""

from __future__ import annotations

import gc
import os
import sys

from basegate.cli import main

# A command ends soon, and what it reads holds no cycles: looking for some among a million objects
# would take longer than the rest.
gc.disable()
status = main()
sys.stderr.flush()
# Nor are they taken apart one by one.
os._exit(status)
