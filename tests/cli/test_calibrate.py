"""`python -m basegate calibrate`: the table, the TOML to paste, and the verdicts by it."""

import re
import tomllib
from pathlib import Path

import pytest

from basegate.config.thresholds import load_thresholds
from basegate.store.folder import Store
from tests.helpers.checkpoints import write_jsonl
from tests.helpers.paths import ROOT
from tests.helpers.stored import (
    answers,
    candidate,
    fill,
    make_project,
    measurement,
    pairs,
    perplexity,
)

GOOD, BAD = candidate("yi-6b"), candidate("llama", revision="b" * 40)


@pytest.fixture
def thresholds(tmp_path):
    return make_project(tmp_path)


@pytest.fixture
def store(tmp_path, thresholds):
    store = Store(tmp_path / "store")
    fill(store, thresholds, GOOD, knowledge=answers(right=9, drawn=10))
    fill(
        store,
        thresholds,
        BAD,
        perplexity=perplexity(6.0),
        knowledge=answers(right=1, drawn=10),
        minimal_pairs=pairs(0.88),
    )
    return store


@pytest.fixture
def calibrated(run, store):
    def run_calibrate(*arguments):
        return run("calibrate", "--store", store.folder, *arguments)

    return run_calibrate


TABLE = """\
limit                              now  suggested  based on
perplexity wiki max_bits_per_char  5    5          good yi-6b 4 (to 4.10), bad llama 6 (from 5.90)
minimal pairs pairs min_preferred  0.5  keep       good yi-6b 90 % (from 84.7 %), bad llama 88 % \
(to 92 %): they overlap
knowledge facts correct            7    5          asked anew, good yi-6b (9 of 10) passes 99 % of \
the time, bad llama (1 of 10) 2 %, guessing 62 %
"""
POWER = """
bank or corpus                        items  detectable difference  largest difference  \
signal to noise  told apart
minimal pairs pairs, preferred share  1      cannot be told         0 points            \
cannot be told   0 of 1
knowledge facts, accuracy             1      cannot be told         80 points           \
cannot be told   0 of 1
knowledge facts, likelihood accuracy  1      cannot be told         0 points            \
cannot be told   0 of 1
These cannot tell the candidates apart: minimal pairs pairs, knowledge facts.
"""
TOML = """\
[perplexity.corpora.wiki]
max_bits_per_char = 5.0
why = "good yi-6b 4 (to 4.10), bad llama 6 (from 5.90)"

[knowledge.banks.facts]
correct = 5
why = "asked anew, good yi-6b (9 of 10) passes 99 % of the time, bad llama (1 of 10) 2 %, \
guessing 62 %"
"""


def test_table_verdicts_and_toml_are_printed(calibrated):
    assert calibrated("--good", "yi-6b", "--bad", "llama") == (0, f"{TABLE}{POWER}\n{TOML}", "")


def test_of_sampled_questions_the_bank_tells_what_guessing_reaches(calibrated, store, thresholds):
    record = {"question": "邊度？", "options": ["旺角", "中環", "上環", "西環"], "answer": "A"}
    write_jsonl(thresholds.parent / "questions.jsonl", {"id": "q", **record})
    for facts, right in ((GOOD, 9), (BAD, 1)):
        sampled = answers(right=right, drawn=10).model_copy(update={"choices": ()})
        store.put(measurement(thresholds, "knowledge", sampled, facts))
    status, out, _ = calibrated("--good", "yi-6b", "--bad", "llama")
    assert status == 0
    # Five of ten or more at one in four: 8 %; six or more: 2 %.
    assert "knowledge facts correct            7    6" in out
    assert "guessing 2 %" in out


def test_the_toml_is_written_to_a_new_file(calibrated, thresholds):
    status, out, err = calibrated("--good", "yi-6b", "--bad", "llama", "--out", "new.toml")
    assert (status, out, err) == (0, TABLE + POWER, "")
    assert Path("new.toml").read_text("utf-8") == TOML


def test_limits_that_are_pasted_accept_the_good_and_reject_the_bad(calibrated, run, thresholds):
    before = thresholds.read_text("utf-8").replace("= 5.0", "= 3.0").replace("correct = 7", "")
    thresholds.write_text(before.replace("samples = 10", "samples = 10\ncorrect = 10"), "utf-8")
    judging = ("judge", "--store", "store", "--model")
    assert run(*judging, "yi-6b")[0] == 1
    calibrated("--good", "yi-6b", "--bad", "llama", "--out", "new.toml")
    text = thresholds.read_text("utf-8")
    for line in Path("new.toml").read_text("utf-8").splitlines():
        if limit := re.match(r"(max_bits_per_char|correct) = ", line):
            text = re.sub(rf"^{limit[0]}.*$", line, text, flags=re.MULTILINE)
    thresholds.write_text(text, "utf-8")
    assert run(*judging, "yi-6b")[0] == 0
    assert run(*judging, "llama")[0] == 1


WHOLE = """
[perplexity.corpora."yue-1.0"]
path = "corpus.txt"
max_bits_per_char = 5.0
max_perplexity = 60.0
"""


def test_the_toml_names_tables_as_the_file_does(run, tmp_path, monkeypatch):
    thresholds = make_project(tmp_path, WHOLE)
    store = Store(tmp_path / "store")
    store.put(measurement(thresholds, "perplexity", perplexity(), GOOD))
    assert run("calibrate", "--store", "store", "--good", "yi-6b", "--out", "new.toml")[0] == 0
    [(item, table)] = tomllib.loads(Path("new.toml").read_text("utf-8"))["perplexity"][
        "corpora"
    ].items()
    assert item == "yue-1.0"
    assert table.keys() == {"max_bits_per_char", "max_perplexity", "why"}
    assert table["why"].startswith("max_bits_per_char: good yi-6b 4 (to 4.10); no bad candidate")
    assert "; max_perplexity: good yi-6b 30; no bad candidate measured" in table["why"]


def test_a_limit_without_a_value_of_its_own_is_kept(calibrated, thresholds):
    relative = '{ reference = "yi-6b", factor = 1.25 }'
    thresholds.write_text(thresholds.read_text().replace("= 5.0", f"= {relative}"))
    status, out, _ = calibrated("--good", "yi-6b", "--bad", "llama")
    assert status == 0
    assert "max_bits_per_char  relative  keep       relative to yi-6b\n" in out
    assert "max_bits_per_char =" not in out


REGISTRY = """
[candidates.yi-6b]
source = "01-ai/Yi-6B"
tags = ["ours"]

[candidates.llama]
source = "meta/llama"
tags = ["ours", "theirs"]

[candidates.absent]
source = "no/body"
tags = ["ours", "gone"]
"""


@pytest.fixture
def registered(calibrated):
    Path("models.toml").write_text(REGISTRY, encoding="utf-8")
    return calibrated


@pytest.mark.parametrize(
    ("arguments", "warned"),
    [
        (("--good", "yi-6b", "--bad", "@theirs"), False),
        (("--good", "@ours", "--bad", "llama"), True),
        (("--good", "yi-6b", "--bad", "all"), True),
        (("--good", "yi-6b,@ours", "--bad", "@theirs,llama"), True),
    ],
)
def test_groups_are_taken_but_for_those_that_the_other_option_names(registered, arguments, warned):
    status, out, err = registered(*arguments)
    assert status == 0
    assert "good yi-6b 4 (to 4.10), bad llama 6 (from 5.90)\n" in out
    assert err == ("warning: nothing is stored of absent; left out.\n" if warned else "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--good", "@gone"), "--good absent: nothing of it is stored. Stored: llama, yi-6b."),
        (("--good", "yi-6b", "--bad", "@frob"), "--bad @frob: no candidate has this tag."),
        (("--good", "@ours", "--bad", "@theirs"), "llama is named in --good and in --bad"),
        (("--good", "yi-6b,llama", "--bad", "@ours"), "--bad absent: nothing of it is stored."),
        (("--good", "@theirs", "--bad", "llama"), "llama is named in --good and in --bad"),
        (("--good", "absent"), "--good absent: nothing of it is stored."),
    ],
)
def test_groups_that_cannot_be_taken_are_told_of_with_their_option(registered, arguments, sentence):
    status, _, err = registered(*arguments)
    assert status == 4
    assert sentence in err


def test_without_bad_ones_the_limits_accept_the_good(calibrated):
    status, out, err = calibrated("--good", "yi-6b")
    assert (status, err) == (0, "")
    assert "; no bad candidate measured\n" in out


def test_candidates_loaded_in_different_ways_are_warned_of(calibrated, store, thresholds):
    fill(store, thresholds, candidate("eight", "int8", "c" * 40), perplexity=perplexity(7.0))
    _, _, err = calibrated("--good", "yi-6b", "--bad", "eight")
    assert (
        "warning: candidates were loaded in different ways, so numbers may not compare: "
        "yi-6b (nf4, bfloat16, cuda), eight (int8, bfloat16, cuda).\n"
    ) in err


def test_null_models_are_bad_ones_and_no_other_way_of_loading(calibrated, store, thresholds):
    null = candidate("null-bigram", "none", "c" * 40).model_copy(update={"engine": "null"})
    fill(store, thresholds, null, perplexity=perplexity(7.0))
    _, out, err = calibrated("--good", "yi-6b", "--bad", "@null")
    assert "bad null-bigram 7 " in out
    assert "different ways" not in err


def test_a_candidates_own_limits_are_not_looked_at_with_a_warning(calibrated, thresholds):
    own = "\n[candidates.llama.perplexity.corpora.wiki]\nmax_bits_per_char = 9.0\n"
    thresholds.write_text(thresholds.read_text() + own)
    _, _, err = calibrated("--good", "yi-6b", "--bad", "llama")
    assert err == "warning: the limits in [candidates.llama] are not looked at.\n"


def test_data_that_cannot_be_found_is_warned_of(calibrated):
    Path("corpus.txt").unlink()
    status, out, err = calibrated("--good", "yi-6b", "--bad", "llama")
    assert status == 0
    assert "warning: perplexity wiki: no limit is suggested, since its data could not be" in err
    assert "max_bits_per_char" not in out


def test_what_is_missing_or_invalid_is_left_out_with_a_warning(calibrated, store, thresholds):
    broken = candidate("broken", revision="d" * 40)
    found = answers(right=0, drawn=10, broken=9)
    fill(store, thresholds, broken, knowledge=found, perplexity=None, minimal_pairs=None)
    status, out, err = calibrated("--good", "yi-6b", "--bad", "llama,broken")
    assert status == 0
    assert "warning: perplexity wiki: no stored measurement of broken answers it.\n" in err
    assert "warning: knowledge facts: broken is left out: 9 of 10 samples are degenerate" in err
    assert "bad llama (1 of 10)" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "--good NAME: name at least one candidate"),
        (("--good", "yi-6"), "--good yi-6: nothing of it is stored. Did you mean 'yi-6b'?"),
        (("--good", "yi-6b", "--bad", "no"), "--bad no: nothing of it is stored."),
        (("--good", "yi-6b,llama", "--bad", "llama"), "llama is named in --good and in --bad"),
        (("--good", "yi-6b", "--bad", "twin"), "yi-6b and twin are one checkpoint"),
        (("--good", "yi-6b", "--margin", "-1"), "--margin -1: give a number above 0"),
        (("--good", "yi-6b", "--margin", "nan"), "--margin nan: give a number above 0"),
        (("--good", "yi-6b", "--margin", "much"), "--margin: invalid float value: 'much'"),
        (("--good", "@none"), "--good @none: groups are those of models.toml, and there are no"),
        (("--good", "yi-6b", "--thresholds", "no.toml"), "no.toml: there is no such file"),
        (("--good", "yi-6b", "--out", "store"), "--out store: exists already"),
        (("--good", "yi-6b", "--out", "corpus.txt"), "--out corpus.txt: exists already"),
    ],
)
def test_mistakes_are_usage_errors(calibrated, store, thresholds, arguments, sentence):
    twin = measurement(thresholds, "perplexity", perplexity(), candidate("twin"), torch="1")
    store.put(twin)
    status, out, err = calibrated(*arguments)
    assert (status, out) == (4, "")
    assert sentence in err


def test_the_projects_own_limits_have_tables_that_the_file_has(run, tmp_path):
    """Every limit's key leads to its table in the file, by the keys that TOML reads."""
    from basegate.cli.calibrate import _table

    text = (ROOT / "thresholds.toml").read_text("utf-8")
    for check in load_thresholds(ROOT / "thresholds.toml").checks:
        assert f"[{_table(check)}]" in text
