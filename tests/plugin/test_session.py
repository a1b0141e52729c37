"""What a run takes from the store, what it measures again, and what it puts there."""

from __future__ import annotations

import pytest

from tests.helpers.plain import SLOW_WITH_WORKERS, append, ledger, limit, logged, verdicts


@SLOW_WITH_WORKERS
def test_changing_a_limit_judges_again_without_loading(isolated, workers):
    assert isolated.runpytest_subprocess("--model", "one", *workers).ret == 0
    limit(isolated, "max_bits_per_char", 1.0)
    (isolated.path / "log").unlink()
    assert isolated.runpytest_subprocess("--model", "one", *workers).ret == 1
    assert verdicts(isolated)["one", "perplexity", "bits_per_char"] == "fail"
    assert logged(isolated, "load") == []
    assert set(logged(isolated, "modules")) == {""}


@pytest.mark.slow
@SLOW_WITH_WORKERS
def test_what_came_from_the_store_is_said_once_per_candidate(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "one", "-k", "perplexity", *workers)
    assert "from the store" not in result.stdout.str()
    result = isolated.runpytest_subprocess("--model", "one,bad", *workers)
    assert result.stdout.str().count("from the store") == 1
    result.stdout.fnmatch_lines(["one: accepted", "*", "  from the store: 1 of 4 checks", "bad: *"])
    result = isolated.runpytest_subprocess("--model", "one", *workers)
    result.stdout.fnmatch_lines(["  from the store: 4 of 4 checks"])
    result = isolated.runpytest_subprocess("--model", "one", "--remeasure", *workers)
    assert "from the store" not in result.stdout.str()


def test_a_text_that_stands_in_two_checks_is_not_from_the_store_when_it_was_measured_now(plain):
    append(plain, '[perplexity.corpora.again]\npath = "corpus.txt"\nmax_bits_per_char = 2.0\n')
    result = plain.runpytest_subprocess("--model", "one")
    assert result.ret == 0
    assert "from the store" not in result.stdout.str()


def test_a_stored_measurement_that_is_invalid_is_from_the_store_too(plain):
    plain.runpytest_subprocess("--model", "broken", "-k", "reasoning")
    result = plain.runpytest_subprocess("--model", "broken", "-k", "reasoning")
    result.stdout.fnmatch_lines(["broken: not judged (invalid)*", "  from the store: 1 of 1 check"])


def test_changing_a_setting_measures_again(plain):
    plain.runpytest_subprocess("--model", "one")
    (plain.path / "log").unlink()
    limit(plain, "window", 32)
    plain.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert logged(plain, "load") == ["one"]


def ten_samples(project, correct):
    """Let the bank of problems, all answered rightly by the plain engine, be k of ten."""
    path = project.path / "thresholds.toml"
    head, _, rest = path.read_text().partition("[reasoning.banks.sums]")
    after = rest.partition("[reasoning]")
    bank = f'\nproblems = "problems.jsonl"\nsamples = 10\ncorrect = {correct}\n'
    path.write_text(f"{head}[reasoning.banks.sums]{bank}{''.join(after[1:])}")


def test_sampling_stops_where_the_verdict_is_certain(plain):
    ten_samples(plain, 7)
    plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    assert logged(plain, "draws") == ["4", "3"], "four wrong or seven right ones decide"
    [row] = [row for row in ledger(plain)["results"] if row["check"] == "reasoning"]
    assert (row["value"], row["unit"], row["verdict"]) == (7.0, "correct", "pass")
    size = row["sample_size"]
    assert (size["kind"], size["n"], size["samples_each"], size["at_most"]) == (
        "problems",
        1,
        10,
        True,
    )
    assert size["read"] == {"right": 7, "wrong": 0, "no_answer": 0, "degenerate": 0}
    assert row["n_generated"] == 7
    assert dict(row["curve"])[0.5] == pytest.approx(176 / 1024)


def test_a_limit_that_the_stored_samples_settle_is_judged_without_loading(plain):
    ten_samples(plain, 7)
    plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    (plain.path / "log").unlink()
    ten_samples(plain, 5)
    plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    assert logged(plain, "load") == logged(plain, "draws") == []


def test_a_limit_that_needs_more_samples_draws_only_the_missing_ones(plain):
    ten_samples(plain, 7)
    plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    ten_samples(plain, 9)
    result = plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    assert logged(plain, "draws") == ["4", "3", "2"]
    assert "the limit needs more than was measured before" in result.stderr.str()
    result.stdout.fnmatch_lines(["  from the store: the first samples of reasoning sums"])
    [row] = [row for row in ledger(plain)["results"] if row["check"] == "reasoning"]
    assert (row["value"], row["n_generated"], row["verdict"]) == (9.0, 9, "pass")


def test_all_samples_are_drawn_where_stopping_is_turned_off(plain):
    ten_samples(plain, 7)
    append(plain, 'early = "none"\n')
    plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    assert logged(plain, "draws") == ["10"]
    ten_samples(plain, 10)
    plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    assert logged(plain, "load") == ["one"], "all ten were there"


def test_another_limit_of_validity_is_judged_without_loading(plain):
    plain.runpytest_subprocess("--model", "broken", "-k", "reasoning")
    (plain.path / "log").unlink()
    append(plain, "[reasoning]\nmax_degenerate_share = 1.0\n")
    plain.runpytest_subprocess("--model", "broken", "-k", "reasoning")
    assert logged(plain, "load") == []
    assert [row["verdict"] for row in ledger(plain)["results"]] == ["fail"]


def test_changing_the_text_measures_again(plain):
    plain.runpytest_subprocess("--model", "one", "-k", "perplexity")
    (plain.path / "corpus.txt").write_text("另外一啲字。", encoding="utf-8")
    plain.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert logged(plain, "load") == ["one", "one"]


@pytest.mark.slow
def test_another_quantization_is_another_measurement(plain):
    plain.runpytest_subprocess("--model", "one")
    plain.runpytest_subprocess("--model", "one", "--quantization", "none", "--dtype", "float32")
    assert logged(plain, "load") == ["one", "one"]
    (entry,) = ledger(plain)["candidates"]
    assert (entry["quantization"], entry["dtype"]) == ("none", "float32")


@pytest.mark.slow
def test_remeasure_ignores_the_store(plain):
    plain.runpytest_subprocess("--model", "one")
    plain.runpytest_subprocess("--model", "one", "--remeasure")
    assert logged(plain, "load") == ["one", "one"]


def test_two_names_of_one_checkpoint_share_measurements_under_their_own_names(plain):
    plain.runpytest_subprocess("--model", "one")
    plain.runpytest_subprocess("--model", "twin")
    assert logged(plain, "load") == ["one"]
    assert {row["candidate"] for row in ledger(plain)["results"]} == {"twin"}
    assert ledger(plain)["candidates"][0]["name"] == "twin"


def test_one_text_under_two_names_is_judged_by_the_limits_of_each(plain):
    append(plain, '[perplexity.corpora.strict]\npath = "corpus.txt"\nmax_bits_per_char = 1.0\n')
    result = plain.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert result.ret == 1
    found = {row["item"]: (row["limit"], row["verdict"]) for row in ledger(plain)["results"]}
    assert found == {"local": (2.0, "pass"), "strict": (1.0, "fail")}
    assert logged(plain, "load") == ["one"], "one measurement for both"


def test_a_renamed_bank_is_judged_from_the_store(plain):
    plain.runpytest_subprocess("--model", "one")
    path = plain.path / "thresholds.toml"
    path.write_text(path.read_text().replace("banks.facts", "banks.renamed"))
    assert plain.runpytest_subprocess("--model", "one").ret == 0
    assert "renamed/q1" in {row["item"] for row in ledger(plain)["results"]}
    assert logged(plain, "load") == ["one"]


def test_a_store_that_takes_nothing_loses_no_verdict(plain):
    (plain.path / ".basegate").mkdir()
    (plain.path / ".basegate/measurements").write_text("in the way")
    result = plain.runpytest_subprocess("--model", "one", "--ledger=ledger.json")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*not all that was measured could be kept in*", "one: accepted"])


def verdict_block(result):
    return result.stdout.str().partition(" verdicts ==")[2].partition("ledger: ")[0]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n2",), ("--in-process",)])
def test_a_store_that_takes_nothing_is_told_once_beside_the_verdicts(isolated, workers):
    (isolated.path / ".basegate").mkdir()
    (isolated.path / ".basegate/measurements").write_text("in the way")
    result = isolated.runpytest_subprocess("--model", "one", "--ledger=ledger.json", *workers)
    told = [line for line in verdict_block(result).splitlines() if line.startswith("warning: ")]
    assert len(told) == 1
    assert "could be kept in" in told[0]
    assert "more like it" not in told[0]
    everywhere = result.stdout.str().count("could be kept in")
    assert everywhere == 2, "once by pytest, once by the verdicts"


@SLOW_WITH_WORKERS
def test_a_file_that_is_not_used_is_told_beside_the_verdicts(isolated, workers):
    isolated.runpytest_subprocess("--model", "one")
    [path] = (isolated.path / ".basegate/measurements").glob("*.perplexity.*.json")
    path.write_text("{")
    block = verdict_block(isolated.runpytest_subprocess("--model", "one", *workers))
    assert block.count("warning: ") == 1
    assert f"warning: {path.name} is not used, since " in block
    assert "from the store: 3 of 4 checks" in block
    assert "warning: " not in verdict_block(isolated.runpytest_subprocess("--model", "one"))
