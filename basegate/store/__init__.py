"""What is kept between runs: measurements, and how far an unfinished one has come."""

from basegate.store.folder import Store
from basegate.store.journal import NO_JOURNAL, FileJournal, Journal
from basegate.store.several import MergedStore, Readable

__all__ = ["NO_JOURNAL", "FileJournal", "Journal", "MergedStore", "Readable", "Store"]
