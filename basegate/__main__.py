"""`python -m basegate`; see `basegate.cli`."""

from __future__ import annotations

from basegate.cli import main

raise SystemExit(main())
