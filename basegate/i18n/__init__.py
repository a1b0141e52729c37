"""Texts and numbers for people, in English or Traditional Chinese as written in Hong Kong."""
