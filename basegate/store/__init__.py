"""What is kept between runs: measurements, and how far an unfinished one has come."""

from basegate.store.folder import Store
from basegate.store.journal import FileJournal, Journal
from basegate.store.union import MergedStore, Readable

__all__ = ["FileJournal", "Journal", "MergedStore", "Readable", "Store"]
