"""What is stored between runs: measurements, and finished batches of unfinished ones."""
