"""Runs four public tasks on candidates, beside published figures and lm-evaluation-harness.

python -m benchmarks.published DATA [NAME=SOURCE ...] [--limit N] [--peer-limit N] [--store FOLDER]

DATA is a folder with arc_easy.jsonl, arc_challenge.jsonl, piqa.jsonl and openbook_qa.jsonl, records
of query, choices and gold (llm-foundry's, say). They are asked as any bank of one's own: by a
thresholds file, in the cloze formulation, per character, without examples. lm-evaluation-harness
scores the same prompts with the same weights in float32; accuracies are compared item by item.
Without a candidate, both models of `make real` are measured. With --store, measurements are kept
and taken from there the next time. The peer takes many times as long: --peer-limit 0 leaves it out.
Exit status 1 where more answers are apart than `APART`, or an accuracy is further from the
published one than `NEAR`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peers import harness, requests


class Task(NamedTuple):
    """A public task: how a record is laid out, as lm-evaluation-harness lays it out."""

    name: str
    file: str
    template: str


TASKS = (
    Task("ARC-Easy", "arc_easy", "{question}\nAnswer: "),
    Task("ARC-Challenge", "arc_challenge", "{question}\nAnswer: "),
    Task("PIQA", "piqa", "{question}\nAnswer: "),
    Task("OpenBookQA", "openbook_qa", "{question} "),
)
PUBLISHED = {
    "gemma-3-270m": {
        "ARC-Easy": 57.07,
        "ARC-Challenge": 28.33,
        "PIQA": 68.12,
        "OpenBookQA": 30.60,
    },
}
"""acc_norm in per cent, zero-shot, bfloat16: harishsg993010/HobbyLM, docs/ARCHITECTURE_RESEARCH.md,
of the base model before it was quantised."""
APART = 0.002
"""Share of a candidate's answers that may differ from the peer's: ties in the last digits."""
NEAR = 3.0
"""Points from the published figure, for weights that were quantised since."""


def write_banks(data: Path, folder: Path, limit: int | None) -> Path:
    """Copy the first records of the tasks and write a thresholds file for them."""
    tables = []
    for task in TASKS:
        lines = (data / f"{task.file}.jsonl").read_text(encoding="utf-8").splitlines()
        (folder / f"{task.file}.jsonl").write_text("\n".join(lines[:limit]), encoding="utf-8")
        tables.append(
            f"[knowledge.banks.{task.file}]\n"
            f'questions = "{task.file}.jsonl"\n'
            'columns = { question = "query", options = "choices", answer = "gold" }\n'
            "first_answer = 0\n"
            f"template = {json.dumps(task.template)}\n"
            'method = "likelihood"\nformulation = "text"\nnormalize = "characters"\n'
            'early = "none"\nmin_accuracy = 0.25\n'
        )
    path = folder / "thresholds.toml"
    path.write_text("\n".join(tables), encoding="utf-8")
    return path


def of_make_real() -> list[str]:
    """Both models that `make real` installs, as candidates."""
    from fixtures.real.models import candidates

    return [f"{name}={path}" for name, path in candidates().items()]


def measure(thresholds: Path, source: str, store: Path) -> None:
    """Run the gate; red is as good as green here."""
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "knowledge"),
        *(f"--model={source}", f"--thresholds={thresholds}", f"--store={store}"),
        *("--quantization=none", "--dtype=float32", f"--html={store}/report.html"),
    ]
    done = subprocess.run(command, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest ended with {done.returncode}")


def measured(store: Path, name: str) -> dict[str, Any]:
    """The newest measurement of every task, with its evidence, by the task's file."""
    from basegate.store.folder import Store

    kept = Store(store)
    found = (each for each in kept if each.candidate.name == name and each.check == "knowledge")
    newest = sorted(found, key=lambda each: each.measured_at)
    return {each.item: kept.get(each.key) for each in newest}


def peer_answers(engine: Any, settings: Any, limit: int | None) -> dict[str, bool]:
    """Of each question, whether lm-evaluation-harness finds the right text likeliest."""
    from basegate.data.banks import load_bank
    from basegate.data.records import Question

    bank = load_bank(settings.source, Question)
    asked = [
        (each.id, option == each.answer, len(text), each.laid_out(settings.template), text)
        for each in bank.records[:limit]
        for option, text in each.options.items()
    ]
    prefix = engine.prefix_ids
    lm = harness(engine.model, engine.tokenizer, batch=16, prefix=prefix[0])
    # Before a prompt HFLM puts nothing here, so what the engine puts there is written as text.
    begin = engine.tokenizer.decode(prefix)
    scores = lm.loglikelihood(
        requests("loglikelihood", *((begin + prompt, text) for *_, prompt, text in asked))
    )
    best: dict[str, tuple[float, bool]] = {}
    tied: set[str] = set()
    for (item, right, length, *_), (score, _) in zip(asked, scores, strict=True):
        value = score / length
        if item in best and value == best[item][0]:
            tied.add(item)
        if item not in best or value > best[item][0]:
            best[item] = value, right
    return {item: right and item not in tied for item, (_, right) in best.items()}


def main() -> None:
    """Measure, compare and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("candidates", nargs="*")
    parser.add_argument("--limit", type=int, help="records of each task")
    parser.add_argument("--peer-limit", type=int, help="questions of each task for the peer")
    parser.add_argument("--store", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        thresholds = write_banks(asked.data, folder, asked.limit)
        store = asked.store or folder / "store"
        print("| model | task | questions | basegate | lm-evaluation-harness | apart | published |")
        print("|---|---|---|---|---|---|---|")
        missed = [
            text
            for source in asked.candidates or of_make_real()
            for text in _compare(source, thresholds, store, asked.peer_limit)
        ]
    if missed:
        raise SystemExit("\n".join(["missed:", *missed]))


def _compare(source: str, thresholds: Path, store: Path, limit: int | None) -> Iterator[str]:
    """Print a candidate's rows; what misses a target."""
    import basegate.checks  # noqa: F401  declares what thresholds may ask for
    from basegate.config.thresholds import load_thresholds
    from basegate.engines.loading import load_candidate

    name, _, place = source.partition("=")
    measure(thresholds, source, store)
    found = measured(store, name)
    engine = None if limit == 0 else load_candidate(place, quantization="none", dtype="float32")
    checks = {each.item: each.settings for each in load_thresholds(thresholds).checks}
    differing = compared = 0
    for task in TASKS:
        choices = found[task.file].findings.choices
        ours = {each.item: each.by_text == each.expected for each in choices}
        accuracy = _per_cent(ours)
        theirs = peer_answers(engine, checks[task.file], limit) if engine is not None else {}
        apart = sum(ours[item] != right for item, right in theirs.items())
        differing, compared = differing + apart, compared + len(theirs)
        published = PUBLISHED.get(name, {}).get(task.name)
        if published is not None and abs(accuracy - published) > NEAR:
            yield f"{name}, {task.name}: {accuracy:.2f} %, published {published:.2f} %"
        row = (
            *(name, task.name, str(len(ours)), f"{accuracy:.2f}"),
            f"{_per_cent(theirs):.2f} of {len(theirs)}" if theirs else "",
            str(apart) if theirs else "",
            f"{published:.2f}" if published is not None else "",
        )
        print(f"| {' | '.join(row)} |", flush=True)
    if differing > APART * compared:
        yield f"{name}: {differing} of {compared} answers apart"


def _per_cent(right: dict[str, bool]) -> float:
    return 100 * sum(right.values()) / len(right)


if __name__ == "__main__":
    main()
