"""The page that people decide from: sections of HTML, made of a ledger and its measurements."""
