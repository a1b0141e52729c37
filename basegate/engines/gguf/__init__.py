"""GGUF files as checkpoints: read, checked, and converted once to what transformers saves."""

CONVERSION = 1
"""Part of a measurement's identity: raised where a file would be converted to other numbers."""
