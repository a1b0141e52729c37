"""thresholds.toml: banks of questions, by samples and by likelihood."""

from __future__ import annotations

import pytest

from tests.helpers.thresholds import BANK

SCORED = BANK.replace("samples = 10\ncorrect = 7", "min_accuracy = 0.5")
WRONG = {
    "a path": (
        BANK + 'path = "bank.csv"\n',
        "knowledge.banks.must-know.path: unknown key. Its file is given as questions = (a local "
        "file). Accepted here: ",
    ),
    "k of n by likelihood": (
        BANK + 'method = "likelihood"\n',
        'knowledge.banks.must-know: correct has no meaning with method = "likelihood"',
    ),
    "samples by likelihood": (
        BANK.replace("correct = 7", 'min_accuracy = 0.5\nmethod = "likelihood"'),
        'knowledge.banks.must-know: samples has no meaning with method = "likelihood"',
    ),
    "a formulation of samples": (
        BANK + 'formulation = "text"\n',
        "knowledge.banks.must-know: formulation has no meaning where answers are sampled.",
    ),
    "shots without examples": (
        BANK + "shots = 5\n",
        "knowledge.banks.must-know: shots = 5 needs examples = (a bank of worked examples, none of "
        "which is asked).",
    ),
    "examples of which none is shown": (
        BANK + 'examples = "e.jsonl"\nshots = 0\n',
        "knowledge.banks.must-know: examples has no effect with shots = 0. Leave out both, or say",
    ),
    "a normalisation of letters": (
        SCORED + 'formulation = "letters"\nnormalize = "pmi"\n',
        'knowledge.banks.must-know: normalize has no effect with formulation = "letters"',
    ),
    "where numbers begin that are letters": (
        BANK + 'answers = "letter"\nfirst_answer = 1\n',
        'knowledge.banks.must-know: first_answer has no effect with answers = "letter": it says',
    ),
    **{
        f"{key} where nothing is sampled": (
            f"[knowledge]\n{key} = {value}\n" + SCORED,
            f"knowledge: {key} has no effect: in none of the banks are answers sampled. Leave it "
            "out, or give a bank samples.",
        )
        for key, value in (("temperature", 0.7), ("max_new_tokens", 8), ("seed", 1))
    },
    "too many shots": (
        BANK + "shots = 9\n",
        "knowledge.banks.must-know.shots = 9: accepted: less than or equal to 8.",
    ),
    "a template without the options": (
        BANK + 'template = "{question} Answer:"\n',
        "knowledge.banks.must-know: template has no {options}",
    ),
    "a template without the question": (
        BANK + 'template = "{options}"\n',
        "knowledge.banks.must-know: template has no {question}",
    ),
    "a placeholder that there is not": (
        BANK + 'template = "{contxt}{question}\\n{options}"\n',
        "knowledge.banks.must-know: template holds {contxt}, which nothing is put in for: the "
        "model would be shown it as it stands. There are {context}, {question}, {options}.",
    ),
    "a placeholder with spaces": (
        BANK + 'template = "{question} { options } {options}"\n',
        "knowledge.banks.must-know: template holds { options }, which",
    ),
    "an unknown place alone": (
        BANK + 'template = "Q: {query} A:"\n',
        "knowledge.banks.must-know: template holds {query}, which nothing is put in for",
    ),
    "a heading of options that are not listed": (
        BANK.replace("samples = 10\ncorrect = 7", "min_accuracy = 0.5")
        + 'template = "{question}\\nChoices:\\n{options}\\nAnswer: "\n',
        "knowledge.banks.must-know: template has 'Choices:' before {options}, and where texts are "
        'scored (formulation = "both") no option is listed: the model would be shown a heading of',
    ),
    "pmi without a cue": (
        BANK.replace("samples = 10\ncorrect = 7", "min_accuracy = 0.5")
        + 'normalize = "pmi"\ntemplate = "{options} {question}"\n',
        'knowledge.banks.must-know: normalize = "pmi" compares with',
    ),
    "unknown method": (
        BANK + 'method = "guess"\n',
        "knowledge.banks.must-know.method = \"guess\": accepted: 'generation' or 'likelihood'.",
    ),
    "missing samples": (
        BANK.replace("samples = 10", ""),
        "knowledge.banks.must-know: samples is missing: how many answers are drawn of each.",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_key_and_accepted_values(refusal, text, sentence):
    assert refusal(text)[0].startswith(sentence)


@pytest.mark.parametrize("formulation", ["both", "letters"])
def test_options_have_a_heading_where_they_are_always_listed(load, formulation):
    head = "" if formulation == "both" else "Choices:\\n"
    scored = BANK.replace("samples = 10\ncorrect = 7", "min_accuracy = 0.5")
    template = f'template = "{{question}}:\\n{head}{{options}}\\n\\\\boxed{{}} Answer: "\n'
    by_likelihood = load(scored + template + f'formulation = "{formulation}"\n')
    sampled = load(BANK + 'template = "{question}\\nChoices:\\n{options}\\nAnswer: "\n')
    for thresholds in (by_likelihood, sampled):
        assert "{options}" in thresholds.checks[0].settings.template


def test_likelihood_gates_where_it_is_asked_to(load):
    sampled = BANK.replace("correct = 7", "min_accuracy = 0.5")
    scored = sampled.replace("samples = 10\n", "")
    for text in (scored, scored + 'method = "likelihood"\n'):
        thresholds = load(text)
        limits = thresholds.limits("x", "knowledge", "must-know")
        # Nothing is written, so that nothing can be degenerate.
        assert [(each.metric, each.by_interval) for each in limits] == [
            ("likelihood_accuracy", True)
        ]
        settings = thresholds.checks[0].settings
        assert (settings.formulation, settings.normalize, settings.shots) == (
            "both",
            "characters",
            0,
        )
    limits = load(sampled).limits("x", "knowledge", "must-know")
    assert [each.metric for each in limits] == ["accuracy", "degenerate_share"]


def test_five_examples_are_shown_where_there_is_a_bank_of_them(load):
    text = BANK.replace("samples = 10\ncorrect = 7", "min_accuracy = 0.5")
    columns = 'examples = "e.jsonl"\ncolumns = { question = "query" }\nfirst_answer = 0\n'
    for given, shots in (("", 5), ("shots = 2\n", 2)):
        check = load(text + columns + given).checks[0]
        assert check.settings.shots == shots
        # They are laid out as the bank is.
        assert check.settings.examples.path.name == "e.jsonl"
        assert check.settings.examples.columns == {"question": "query"}
        assert check.settings.examples.first_answer == 0
        assert [key for key in check.files if key.endswith("examples")]


def test_settings_that_came_later_leave_earlier_measurements_valid(load):
    before = load(BANK + "rotate_options = false\n").checks[0].settings_identity
    assert set(before) == {"check", "source", "sampling"}
    assert "rotate_options" in load(BANK).checks[0].settings_identity


def test_how_answers_are_drawn_may_be_said_where_one_bank_is_sampled(load):
    other = SCORED.replace("must-know", "scored")
    checks = load("[knowledge]\ntemperature = 0.7\n" + BANK + other).checks
    assert checks[0].settings.sampling.temperature == 0.7


@pytest.mark.parametrize("shots", ["", "shots = 0\n"])
def test_without_examples_none_are_shown(load, shots):
    settings = load(BANK + shots).checks[0].settings
    assert (settings.shots, settings.examples) == (0, None)
