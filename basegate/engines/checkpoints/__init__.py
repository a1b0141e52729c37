"""A checkpoint's files, before and while they are loaded."""
