"""`python -m basegate`; see `basegate.commands`."""

from __future__ import annotations

from basegate.commands import main

raise SystemExit(main())
