"""Texts and questions, from files or the hub, and fingerprints of what was read."""
