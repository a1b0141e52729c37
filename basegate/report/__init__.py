"""Ledger rows to text: terminal and HTML. Renders what it is given and computes nothing."""
