"""Times what a user waits for: collection, a run that measures, a run from the store.

python -m benchmarks.startup [--runs 5]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.timing import ROOT, print_head

PYTEST = (sys.executable, "-m", "pytest", "-q")
DEMO = ("--model", "tiny-yue,tiny-en", "--thresholds", "fixtures/demo/thresholds.toml")


def seconds(command: tuple[str, ...]) -> float:
    """Return the wall time of one command; its output is thrown away."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    if done.returncode not in (0, 1):  # 1: a candidate was rejected, as it should
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took


def row(name: str, values: list[float], bar: str) -> str:
    """Return a line of the table."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{name:<44} {middle:7.2f} {low:7.2f} {high:7.2f}   {bar}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    collect = (*PYTEST, "tests_models", "--collect-only", "--model", "tiny-yue")
    print_head()
    print(f"{'seconds of wall time':<44} {'median':>7} {'min':>7} {'max':>7}   bar")
    seconds(collect)
    print(row("collection of one candidate", [seconds(collect) for _ in range(runs)], "< 1.0"))
    with tempfile.TemporaryDirectory() as folder:
        one = ("--model", "tiny-yue", *DEMO[-2:], "-k", "minimal_pairs", "--store", folder)
        print(row("one candidate loaded, one check measured", [seconds((*PYTEST, *one))], "< 9"))
    with tempfile.TemporaryDirectory() as folder:
        place = ("--store", f"{folder}/store", "--html", f"{folder}/report.html")
        print(row("demo, measured", [seconds((*PYTEST, *DEMO, *place))], "< 60"))
        again = [seconds((*PYTEST, *DEMO, *place)) for _ in range(runs)]
        print(row("demo, judged from the store", again, "< 2"))


if __name__ == "__main__":
    main()
