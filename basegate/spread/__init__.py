"""Everything that knows about workers."""
