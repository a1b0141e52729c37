"""thresholds.toml: settings and limits, and a sentence for whatever is wrong in it."""

import pickle
import struct
from dataclasses import asdict

import pytest

from basegate.checks.perplexity import PerplexitySettings
from basegate.config.declaration import check_names
from basegate.config.settings import Sampling
from basegate.config.thresholds import load_thresholds
from basegate.errors import UsageError
from tests.helpers.thresholds import BANK

CORPUS = """
[perplexity.corpora.wiki]
path = "corpus.txt"
max_bits_per_char = 5.0
"""
CONTINUATION = """
[continuation]
prompts = "data/starts.jsonl"
max_latin_share = 0.15
"""
REASONING = """
[reasoning.banks.article]
problems = "problems.jsonl"
samples = 10
correct = 7
"""


def test_checks_come_in_the_articles_order(load):
    thresholds = load(REASONING + BANK + CONTINUATION + CORPUS)
    assert [(each.name, each.item) for each in thresholds.checks] == [
        ("perplexity", "wiki"),
        ("continuation", "starts"),
        ("knowledge", "must-know"),
        ("reasoning", "article"),
    ]
    names = ("perplexity", "minimal_pairs", "continuation", "knowledge", "reasoning")
    assert check_names()[:5] == names


def test_a_check_whose_table_is_absent_has_no_items(load):
    thresholds = load(CORPUS)
    assert thresholds.items("perplexity") == ("wiki",)
    assert thresholds.items("knowledge") == ()


def test_limits_say_where_they_stand_what_they_judge_and_why(load):
    [limit] = load(CORPUS + 'why = "a reason"').limits("anyone", "perplexity", "wiki")
    assert asdict(limit) == {
        "key": "perplexity.corpora.wiki.max_bits_per_char",
        "metric": "bits_per_char",
        "direction": "max",
        "value": 5.0,
        "by_interval": True,
        "signed": False,
        "validity": False,
        "sequential": True,
        "confidence": 0.95,
        "why": "a reason",
        "advisory": False,
        "reference": None,
    }


def test_settings_of_a_corpus_and_their_defaults(load, tmp_path):
    settings = load(CORPUS).find("perplexity", "wiki").settings
    assert isinstance(settings, PerplexitySettings)
    assert (settings.window, settings.context) == (2048, 512)
    assert settings.corpus.path == tmp_path / "corpus.txt"
    assert (settings.corpus.column, settings.corpus.join) == ("text", None)


def test_settings_of_a_hub_data_set(load):
    corpus = (
        load(
            '[perplexity]\nwindow = 64\ncontext = 16\n[perplexity.corpora.w]\ndataset = "a/b"\n'
            'name = "yue"\nrevision = "v1"\nsplit = "train"\ncolumn = "body"\njoin = "\\n\\n"\n'
            "max_perplexity = 60\n"
        )
        .find("perplexity", "w")
        .settings.corpus
    )
    assert (corpus.dataset, corpus.path) == ("a/b", None)
    assert (corpus.name, corpus.revision, corpus.split) == ("yue", "v1", "train")
    assert (corpus.column, corpus.join) == ("body", "\n\n")


def test_settings_of_the_checks_that_sample(load, tmp_path):
    thresholds = load(CONTINUATION + BANK + REASONING)
    sampling = {each.name: each.settings.sampling for each in thresholds.checks}
    assert sampling["continuation"] == Sampling(samples=8, temperature=0.9, max_new_tokens=100)
    assert sampling["knowledge"] == Sampling(samples=10, temperature=0.9, max_new_tokens=32)
    assert sampling["reasoning"] == Sampling(samples=10, temperature=0.2, max_new_tokens=24)
    assert thresholds.checks[0].settings.source.path == tmp_path / "data" / "starts.jsonl"


def test_settings_hold_no_limit(load):
    strict = load(CORPUS + CONTINUATION + BANK)
    lax = load(
        CORPUS.replace("5.0", "9.0")
        + CONTINUATION.replace("0.15", "0.9")
        + BANK.replace("correct = 7", "correct = 1")
    )
    assert [each.settings for each in strict.checks] == [each.settings for each in lax.checks]
    assert strict.common_limits != lax.common_limits


def test_settings_without_places_leave_out_where_local_files_lie(load):
    local = CORPUS + CONTINUATION
    moved = local.replace("corpus.txt", "elsewhere.txt").replace("data/", "other/")
    before, after = (
        [each.settings_identity for each in load(text).checks] for text in (local, moved)
    )
    assert before == after
    assert before[0]["window"] == 2048


def test_the_longest_context_leaves_a_token_of_prefix_and_one_to_score(load):
    settings = load("[perplexity]\nwindow = 514\n" + CORPUS).find("perplexity", "wiki").settings
    assert (settings.window, settings.context) == (514, 512)


def test_a_whole_number_is_a_limit_too(load):
    [limit] = load(CORPUS.replace("5.0", "5")).limits("anyone", "perplexity", "wiki")
    assert limit.value == 5.0


def test_a_candidates_own_limit_replaces_the_common_one_and_leaves_the_others(load):
    thresholds = load(
        CORPUS
        + "max_perplexity = 60.0\n"
        + BANK
        + "[candidates.llama-2-7b.perplexity.corpora.wiki]\n"
        + 'max_bits_per_char = 6.0\nwhy = "byte fallback"\n'
    )
    own = thresholds.limits("llama-2-7b", "perplexity", "wiki")
    assert [(each.metric, each.value) for each in own] == [
        ("bits_per_char", 6.0),
        ("perplexity", 60.0),
    ]
    assert own[0].why == "byte fallback"
    assert own[0].key == "candidates.llama-2-7b.perplexity.corpora.wiki.max_bits_per_char"
    common = thresholds.limits("yi-6b", "perplexity", "wiki")
    assert [each.value for each in common] == [5.0, 60.0]
    bank = thresholds.limits("llama-2-7b", "knowledge", "must-know")
    assert [(each.metric, each.value) for each in bank] == [
        ("correct", 7.0),
        ("degenerate_share", 0.5),
    ]


def test_a_candidates_own_limit_does_not_change_what_is_measured(load):
    own = load(CORPUS + "[candidates.x.perplexity.corpora.wiki]\nmax_bits_per_char = 6.0\n")
    assert own.checks == load(CORPUS).checks


def test_what_measuring_is_sent_holds_no_limit(load):
    thresholds = load(CORPUS.replace("5.0", "5.0625") + BANK)
    limits = [each for group in thresholds.common_limits.values() for each in group]
    sent = pickle.dumps(thresholds.checks)
    assert b"limit" not in sent.lower()
    assert struct.pack(">d", 5.0625) in pickle.dumps(limits)
    assert struct.pack(">d", 5.0625) not in sent


def test_limits_of_a_candidate_have_the_keys_that_stand_in_the_file(load):
    both = CORPUS + 'max_perplexity = 60.0\nwhy = "the article"\n'
    own = load(both + "[candidates.x.perplexity.corpora.wiki]\nmax_bits_per_char = 6.0\n")
    assert [(each.key, each.why) for each in own.limits("x", "perplexity", "wiki")] == [
        ("candidates.x.perplexity.corpora.wiki.max_bits_per_char", ""),
        ("perplexity.corpora.wiki.max_perplexity", "the article"),
    ]


def test_a_byte_order_mark_is_no_error(load):
    assert load("\ufeff" + CORPUS).items("perplexity") == ("wiki",)


WRONG = {
    "only a limit of validity": (
        '[continuation]\nprompts = "corpus.txt"\nmax_degenerate_share = 0.1\n',
        "continuation on corpus has no limit, so nothing would be judged. Add at least one of "
        "min_cantonese_share, max_latin_share, max_simplified_share, max_looping_share, max_drop.",
    ),
    "unknown key": (
        CORPUS.replace("max_bits_per_char", "max_bit_per_char"),
        "perplexity.corpora.wiki.max_bit_per_char: unknown key. Did you mean 'max_bits_per_char'? "
        "Accepted here: advisory, column, dataset, early, format, glob, join, max_bits_per_char, "
        "max_drop, max_gap, max_perplexity, name, parallel, path, revision, split, why.",
    ),
    **{
        f"{key} of greedy decoding": (
            CONTINUATION + f"temperature = 0\n{key} = 1\n",
            f"continuation: {key} has no effect with temperature = 0, which takes the most",
        )
        for key in ("top_k", "top_p")
    },
    **{
        f"{key} of problems": (
            REASONING + f"{key} = {value}\n",
            f"reasoning.banks.article: {key} has no effect where there are no options.",
        )
        for key, value in (("first_answer", 1), ("answers", '"number"'))
    },
    "unknown key in a bank": (
        BANK + "sampels = 20",
        "knowledge.banks.must-know.sampels: unknown key. Did you mean 'samples' or "
        "'examples' or 'name'? Accepted here: advisory, answers, columns, confidence, correct,",
    ),
    "unknown table": (
        "[perplexty]\nwindow = 2048",
        "perplexty: no check of that name is declared. Did you mean 'perplexity'? There are "
        "perplexity, minimal_pairs, continuation, knowledge, reasoning",
    ),
    "number in quotes": (
        CORPUS.replace("5.0", '"5.0"'),
        'perplexity.corpora.wiki.max_bits_per_char = "5.0": accepted: a number.',
    ),
    "true as a number": (
        CORPUS.replace("5.0", "true"),
        "perplexity.corpora.wiki.max_bits_per_char = true: accepted: a number.",
    ),
    "NaN": (
        CORPUS.replace("5.0", "nan"),
        "perplexity.corpora.wiki.max_bits_per_char = nan: accepted: a finite number.",
    ),
    "infinity": (
        CORPUS.replace("5.0", "inf"),
        "perplexity.corpora.wiki.max_bits_per_char = inf: accepted: a finite number.",
    ),
    "negative limit": (
        CORPUS.replace("5.0", "-1.0"),
        "perplexity.corpora.wiki.max_bits_per_char = -1.0: accepted: greater than 0.",
    ),
    "share above one": (
        CONTINUATION.replace("0.15", "15"),
        "continuation.max_latin_share = 15: accepted: less than or equal to 1.",
    ),
    "half a sample": (
        BANK.replace("10", "2.5"),
        "knowledge.banks.must-know.samples = 2.5: accepted: a whole number.",
    ),
    "no sample": (
        BANK.replace("10", "0"),
        "knowledge.banks.must-know.samples = 0: accepted: greater than 0.",
    ),
    "nothing correct": (
        BANK.replace("7", "0"),
        "knowledge.banks.must-know.correct = 0: accepted: greater than 0.",
    ),
    "impossible k of n": (
        BANK.replace("7", "12"),
        "knowledge.banks.must-know: correct = 12 of samples = 10 cannot be reached. Accepted for "
        "correct: 1 to 10.",
    ),
    "negative temperature": (
        CONTINUATION + "temperature = -0.5",
        "continuation.temperature = -0.5: accepted: greater than or equal to 0.",
    ),
    "top_p of zero": (
        CONTINUATION + "top_p = 0.0",
        "continuation.top_p = 0.0: accepted: greater than 0.",
    ),
    "number for a text": (
        CONTINUATION.replace('"data/starts.jsonl"', "5"),
        'continuation.prompts = 5: accepted: a text in quotes, such as "text".',
    ),
    "unknown format": (
        CORPUS + 'format = "csv"',
        "perplexity.corpora.wiki.format = \"csv\": accepted: 'text', 'jsonl', 'parquet' or "
        "'dataset'.",
    ),
    "a column of text": (
        CORPUS + 'format = "text"\ncolumn = "body"',
        "perplexity.corpora.wiki: column has no effect on text files, which are read whole. Leave",
    ),
    "early with join": (
        CORPUS + 'join = ""\nearly = "none"',
        "perplexity.corpora.wiki: early has no effect with join: the documents are one text",
    ),
    "both sources": (
        CORPUS + 'dataset = "a/b"',
        "perplexity.corpora.wiki: give either dataset = (a hub id) or path = (a local file or "
        "folder), one of them.",
    ),
    "neither source": (
        CORPUS.replace('path = "corpus.txt"', ""),
        "perplexity.corpora.wiki: give either dataset = (a hub id) or path = (a local file or "
        "folder), one of them.",
    ),
    "window too small for the context": (
        "[perplexity]\nwindow = 513\n" + CORPUS,
        "perplexity: context = 512 leaves no token to score in a window of 513. Accepted: 0 to "
        "511.",
    ),
    "missing prompts": (
        "[continuation]\nmax_latin_share = 0.1",
        "continuation.prompts: this key is missing.",
    ),
    "missing corpora": ("[perplexity]\nwindow = 2048", "perplexity.corpora: this key is missing."),
    "a number for a table": ("perplexity = 5", "perplexity = 5: accepted: a table."),
    "a number for a corpus": (
        "[perplexity.corpora]\nwiki = 5",
        "perplexity.corpora.wiki = 5: accepted: a table.",
    ),
    "no limit": (
        CORPUS.replace("max_bits_per_char = 5.0", ""),
        "perplexity on wiki has no limit, so nothing would be judged. Add at least one of "
        "max_gap, max_bits_per_char, max_perplexity, max_drop.",
    ),
    "nothing at all": (
        "# a comment\n",
        "no check is configured, so nothing would be judged. Add at least one of the tables "
        "[perplexity], [minimal_pairs], [continuation], [knowledge], [reasoning].",
    ),
    "own setting": (
        CORPUS + "[candidates.x.perplexity]\nwindow = 4096",
        "candidates.x.perplexity.window: a candidate's own table may only hold limits, why and "
        "advisory, since settings have to be the same for all.",
    ),
    "own misspelt limit": (
        CORPUS + "[candidates.x.perplexity.corpora.wiki]\nmax_bit_per_char = 6.0",
        "candidates.x.perplexity.corpora.wiki.max_bit_per_char: a candidate's own table may only "
        "hold limits, why and advisory, since settings have to be the same for all. Did you mean "
        "'max_bits_per_char'",
    ),
    "own unknown corpus": (
        CORPUS + "[candidates.x.perplexity.corpora.wikki]\nmax_bits_per_char = 6.0",
        "candidates.x.perplexity.corpora.wikki: there is no table of that name above. Did you "
        "mean 'wiki'?",
    ),
    "own limit of another check": (
        CORPUS + "[candidates.x.perplexity.corpora.wiki]\nmax_latin_share = 0.5",
        "candidates.x.perplexity.corpora.wiki.max_latin_share: a candidate's own table may only "
        "hold limits, why and advisory, since settings have to be the same for all.",
    ),
    "own table of an item is a number": (
        CORPUS + "[candidates.x.perplexity.corpora]\nwiki = 5",
        "candidates.x.perplexity.corpora.wiki = 5: accepted: a table.",
    ),
    "own check is a number": (
        CORPUS + "[candidates.x]\nperplexity = 5",
        "candidates.x.perplexity = 5: accepted: a table.",
    ),
    "own unknown check": (
        CORPUS + "[candidates.x.perplexty]\nwindow = 4096",
        "candidates.x.perplexty: there is no table of that name above. Did you mean 'perplexity'?",
    ),
    "own limit of the wrong type": (
        CORPUS + '[candidates.x.perplexity.corpora.wiki]\nmax_bits_per_char = "high"',
        'candidates.x.perplexity.corpora.wiki.max_bits_per_char = "high": accepted: a number.',
    ),
    "own impossible k of n": (
        BANK + "[candidates.x.knowledge.banks.must-know]\ncorrect = 12",
        "candidates.x.knowledge.banks.must-know: correct = 12 of samples = 10 cannot be reached.",
    ),
    "candidates is a number": (
        "candidates = 5\n" + CORPUS,
        "candidates = 5: accepted: a table per candidate.",
    ),
    "a candidate is a number": (
        "[candidates]\nx = 5\n" + CORPUS,
        "candidates.x = 5: accepted: a table.",
    ),
    "not TOML": ("[perplexity\n", "is not valid TOML: "),
    "name in Chinese": (
        CORPUS.replace("wiki", '"維基"'),
        'perplexity.corpora.維基 = "維基": accepted: a name made of letters (A to Z, a to z), '
        "digits, '.', '_' and '-', a letter or digit first.",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_key_and_accepted_values(refusal, text, sentence):
    assert refusal(text)[0].startswith(sentence)


@pytest.mark.parametrize(
    ("line", "sign"),
    [
        ("[perplexity.corpora.維基]", "維"),
        ("[perplexity.corpora.wiki維基]", "維"),
        ("path = “corpus”", "“"),
        ("window ＝ 5", "＝"),
        ("window = 5，", "，"),
    ],
)
def test_a_sign_that_is_none_of_tomls_is_shown_with_what_may_be_meant(refusal, line, sign):
    sentence = refusal(f"# 註\r\n[perplexity]\r\n{line}\r\n")[0]
    assert f"{sign!r} is not TOML: a name is made of A to Z" in sentence
    assert "is not TOML" not in refusal("[perplexity]\nwindow =\n")[0]


def test_a_line_that_is_not_toml_is_named(refusal):
    assert "line 3" in refusal("[perplexity]\nwindow = 2048\ncontext =\n")[0]


def test_an_empty_table_of_corpora_is_refused_in_words(refusal):
    [sentence] = refusal("[perplexity.corpora]\n")
    assert sentence.startswith("perplexity.corpora")
    assert "Dictionary" not in sentence, "TOML knows tables, no dictionaries"


def test_candidates_is_suggested_for_a_misspelt_candidates_table(refusal):
    text = CORPUS + "[candidate.x.perplexity.corpora.wiki]\nmax_bits_per_char = 6.0"
    assert "Did you mean 'candidates'?" in refusal(text)[0]


def test_every_problem_gets_a_line(refusal):
    lines = refusal(CONTINUATION + 'samples = "8"\nseed = -1\n')
    assert sorted(lines) == [
        'continuation.samples = "8": accepted: a whole number.',
        "continuation.seed = -1: accepted: greater than or equal to 0.",
    ]


def test_a_long_value_is_cut(refusal):
    [line] = refusal(CORPUS.replace("5.0", f'"{"x" * 500}"'))
    assert len(line) < 180


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.toml: there is no such file"):
        load_thresholds(tmp_path / "none.toml")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_thresholds(tmp_path)


def test_a_file_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "thresholds.toml"
    path.write_bytes('# 門檻\nwhy = "廣東話"'.encode("big5"))
    with pytest.raises(UsageError, match="is not UTF-8"):
        load_thresholds(path)


def test_a_limit_of_validity_holds_for_all_banks_and_may_be_a_candidates_own(load):
    text = BANK.replace("[knowledge]", "[knowledge]\nmax_degenerate_share = 0.2", 1)
    if text == BANK:
        text = "[knowledge]\nmax_degenerate_share = 0.2\n" + BANK
    own = "[candidates.x.knowledge]\nmax_degenerate_share = 0.9\n"
    thresholds = load(text + own)
    for name, value in (("y", 0.2), ("x", 0.9)):
        limits = thresholds.limits(name, "knowledge", "must-know")
        [validity] = [each for each in limits if each.validity]
        assert (validity.metric, validity.value) == ("degenerate_share", value)
    assert thresholds.limits("y", "knowledge", "must-know")[-1].key == (
        "knowledge.max_degenerate_share"
    )
