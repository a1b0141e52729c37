"""The command `store show`."""

import re

from basegate.measurement import DocumentScore
from tests.helpers.stored import answers, fill, measurement, pairs, perplexity


def test_everything_about_one(manage, store, thresholds):
    fill(store, thresholds, knowledge=answers(text="A。\x1b[2J\nB"))
    made = measurement(thresholds, "knowledge", answers())
    status, out, _ = manage("show", made.key[:5], "--samples", "2")
    assert status == 0
    assert f"key        {made.key}\n" in out
    assert "correct           q1  7 of 7 correct" in out
    assert "settings.sampling.temperature         0.9" in out
    assert 'platform  "Linux x86_64"' in out
    assert "q1 (seed 0, answer A, right A)\n  | 一定係？[…]A。\ufffd[2J\n  | B\n" in out
    assert "5 more samples: --samples N shows the first of them" in out
    assert "\x1b" not in out


def test_pairs_are_shown_as_samples_are(manage, store, thresholds):
    fill(store, thresholds)
    key = measurement(thresholds, "minimal_pairs", pairs()).key
    shown = manage("show", key, "--samples", "1")[1]
    assert 'p1\n  kind        "k"\n  right       "對"\n  wrong       "錯"\n' in shown
    assert "  right_bits  1.0\n  wrong_bits  2.0\n" in shown
    assert "1 more pairs" in manage("show", key)[1]


def test_options_and_documents_are_shown(manage, store, thresholds):
    document = DocumentScore(item="1", bits=400.0, tokens=90, characters=100)
    wiki = perplexity().model_copy(update={"documents": (document,)})
    fill(store, thresholds, perplexity=wiki)
    key = measurement(thresholds, "perplexity", wiki).key
    told = "1\n  bits        400.0\n  tokens      90\n  characters  100\n"
    assert told in manage("show", key, "--samples", "1")[1]
    key = measurement(thresholds, "knowledge", answers()).key
    shown = manage("show", key, "--samples", "1")[1]
    assert re.search(r'^q1\n  expected +"A"\n  letters.A +-1.0\n', shown, re.MULTILINE)
    assert re.search(r"^  texts.A +-1.0\n", shown, re.MULTILINE)


def test_a_key_that_is_unknown_or_ambiguous_lists_what_there_is(manage, store):
    for key in ("ab" * 32, "ac" * 32):
        store.measurements.mkdir(parents=True, exist_ok=True)
        (store.measurements / f"yi-6b.perplexity.wiki.{key[:16]}.json").touch()
    for prefix, message in (
        ("a", "a begins 2 keys. Stored:\n  abababababab  yi-6b  perplexity  wiki\n  acacac"),
        ("b", "no key begins with b. Stored:\n  abababababab  yi-6b  perplexity  wiki\n"),
        ("*", "'*' is no beginning of a key"),
    ):
        status, out, err = manage("show", prefix)
        assert (status, out) == (4, "")
        assert message in err


def test_a_long_list_of_keys_is_cut(manage, store):
    store.measurements.mkdir(parents=True)
    for number in range(30):
        (store.measurements / f"a.b.c.{number:016x}.json").touch()
    err = manage("show", "f")[2]
    assert "and 10 more: python -m basegate store list" in err


def test_a_key_may_be_given_in_full(manage, store, thresholds):
    fill(store, thresholds)
    key = measurement(thresholds, "perplexity", perplexity()).key
    assert manage("show", key)[0] == 0
    assert manage("show", key[:40] + "0" * 24)[0] == 4


def test_a_damaged_one_cannot_be_shown(manage, store, thresholds):
    fill(store, thresholds)
    key = measurement(thresholds, "knowledge", answers()).key
    next(store.measurements.glob(f"*{key[:16]}.*.samples.jsonl")).write_text("{}")
    status, _, err = manage("show", key)
    assert status == 4
    assert f"error: the measurement {key[:16]} is damaged, or was removed just now." in err


def test_a_number_of_samples(manage, store, thresholds):
    fill(store, thresholds)
    assert manage("show", "a", "--samples", "-1")[0] == 4
