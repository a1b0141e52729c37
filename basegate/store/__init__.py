"""What is stored between runs: measurements, and finished batches of unfinished ones."""

from basegate.store.folder import Store
from basegate.store.journal import FileJournal, Journal
from basegate.store.union import MergedStore, Readable

__all__ = ["FileJournal", "Journal", "MergedStore", "Readable", "Store"]
