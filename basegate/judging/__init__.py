"""From measurements and limits to verdicts, comparisons and a recommendation. No model is seen."""
