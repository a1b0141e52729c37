"""The drawn algebra problems: each has the one answer it claims, and none depends on another."""

from __future__ import annotations

import random
import re

import pytest
import sympy
from sympy.parsing.sympy_parser import auto_number, parse_expr

from basegate.checks.language_variety import label, sentences, simplified_characters
from basegate.config.settings import GeneratedSource
from basegate.data.banks import load_bank
from basegate.data.records import Problem as BankProblem
from fixtures.algebra import FAMILIES, LEVELS, generate
from fixtures.algebra.problems import numbers_in
from fixtures.algebra.words import STORIES

SEEDS = 200
IN_CANTONESE = ("word", "sequence")
EVERYWHERE = pytest.mark.parametrize(
    ("family", "level"), [(family, level) for family in FAMILIES for level in LEVELS]
)
NAMES = {name: sympy.Symbol(name) for name in "abcdenrxy"}


@pytest.fixture(scope="module")
def drawn():
    """Every family at every level, over many seeds."""
    return {
        (family, level): [
            generate(families=[family], per_family=1, level=level, seed=seed)[0]
            for seed in range(SEEDS)
        ]
        for family in FAMILIES
        for level in LEVELS
    }


def solved(equations, unknown):
    """The only value of the unknown; fails where there is none or more than one."""
    differences = []
    for equation in equations:
        left, right = equation.split(" = ")
        differences.append(parse_expr(f"{left} - ({right})", NAMES, transformations=(auto_number,)))
    symbols = sorted(set().union(*(each.free_symbols for each in differences)), key=str)
    [solution] = sympy.linsolve(differences, symbols)
    value = solution[symbols.index(NAMES[unknown])]
    assert value.is_number
    return value


@EVERYWHERE
def test_the_equations_have_the_answer_as_their_only_solution(drawn, family, level):
    for problem in drawn[family, level]:
        assert solved(problem.equations, problem.unknown) == problem.answer, problem


@pytest.mark.parametrize("level", LEVELS)
def test_each_equation_of_a_chain_has_the_answer_as_its_only_solution(drawn, level):
    for problem in drawn["chain", level]:
        assert len(problem.equations) >= 3
        assert all(solved([each], "n") == problem.answer for each in problem.equations), problem


@EVERYWHERE
def test_answers_are_natural_numbers_that_the_prompt_does_not_hold(drawn, family, level):
    for problem in drawn[family, level]:
        assert type(problem.answer) is int
        assert 0 <= problem.answer < 10_000
        assert problem.answer not in numbers_in(problem.prompt), problem


@EVERYWHERE
def test_numbers_of_the_equations_come_from_the_prompt(drawn, family, level):
    # 1, 2 and 10 are in words: a person, there and back, half, "10%", "打8折".
    for problem in drawn[family, level]:
        given = numbers_in(" ".join(problem.equations)) - {1, 2, 10, 100}
        assert given <= numbers_in(problem.prompt), problem


@EVERYWHERE
def test_prompts_end_where_the_number_begins(drawn, family, level):
    for problem in drawn[family, level]:
        end = "\n\n答案：" if family in IN_CANTONESE else f"\n\nSo, {problem.unknown} ="
        assert problem.prompt.endswith("\n\nSo, n is equals to" if family == "chain" else end)


@pytest.mark.parametrize("family", ["chain", "two-unknowns", "brackets"])
def test_symbolic_prompts_show_their_equations(drawn, family):
    for problem in (each for level in LEVELS for each in drawn[family, level]):
        shown, _ = problem.prompt.split("\n\n")
        assert shown == "\n".join(f"{equation};" for equation in problem.equations)


@pytest.mark.parametrize("family", IN_CANTONESE)
@pytest.mark.parametrize("level", LEVELS)
def test_problems_in_words_are_in_cantonese_and_traditional_characters(drawn, family, level):
    prompts = [problem.prompt for problem in drawn[family, level]]
    labels = [label(sentence) for prompt in prompts for sentence in sentences(prompt)]
    shown = [each for each in labels if each not in ("neutral", "foreign")]
    assert shown.count("cantonese") >= 0.9 * len(shown) > 0
    assert not [char for prompt in prompts for char in simplified_characters(prompt)]


@pytest.mark.parametrize("level", LEVELS)
def test_every_skeleton_of_a_word_problem_says_its_equations(level):
    assert len(STORIES[level]) >= 12
    for story in STORIES[level]:
        for seed in range(20):
            text, answer, equations = story(random.Random(seed))
            assert solved(equations, "x") == answer, text
            assert text.endswith("？")
            assert "cantonese" in map(label, sentences(text)), text


def test_the_same_seed_draws_the_same_problems():
    assert generate(per_family=5, level=2, seed=7) == generate(per_family=5, level=2, seed=7)
    assert generate(per_family=5, seed=7) != generate(per_family=5, seed=8)


@pytest.mark.parametrize(
    ("family", "level", "prompt", "answer"),
    [
        # 3 + 13 = 16; 13 - 2 = 11; 13 * 6 = 78
        ("chain", 1, "3 + n = 16;\nn - 2 = 11;\nn * 6 = 78;\n\nSo, n is equals to", 13),
        # the first less the second: 4 * y = 20
        ("two-unknowns", 1, "x + 2 * y = 29;\nx - 2 * y = 9;\n\nSo, y =", 5),
        # 90 in 8 + 7 = 15 parts of 6: 8 * 6 = 48
        ("proportion", 3, "n : (90 - n) = 8 : 7;\n\nSo, n =", 48),
        # 40 - 8 = 32; 32 / 4 = 8; 8 - 5 = 3; 3 / 3 = 1; 1 + 10 = 11
        ("brackets", 2, "4 * (3 * (n - 10) + 5) + 8 = 40;\n\nSo, n =", 11),
        # 4 * 18 + 4 * 34 + 2 * 29 = 72 + 136 + 58
        (
            "word",
            2,
            "一家4口去飲茶，茶位每位18蚊。佢哋叫咗4籠鳳爪同2籠叉燒包，鳳爪每籠34蚊，"
            "叉燒包每籠29蚊。間茶樓唔收加一，埋單一共幾多蚊？\n\n答案：",
            266,
        ),
        # 4 + 21 * 7 = 4 + 147
        (
            "sequence",
            3,
            "有一列數，每個數都比前面嗰個大一樣多：\n4、11、18、25、……\n\n第22個數係幾多？\n\n答案：",
            151,
        ),
    ],
)
def test_what_a_seed_draws_stays_the_same_and_is_right(family, level, prompt, answer):
    [problem] = generate(families=[family], per_family=1, level=level, seed=2024)
    assert (problem.prompt, problem.answer) == (prompt, answer)


@EVERYWHERE
def test_more_problems_or_other_families_change_no_problem(family, level):
    few = generate(families=[family], per_family=3, level=level, seed=3)
    many = generate(families=[family], per_family=12, level=level, seed=3)
    everything = generate(per_family=12, level=level, seed=3)
    assert many[:3] == few
    assert [problem for problem in everything if problem.family == family] == many


@pytest.mark.parametrize("level", LEVELS)
def test_no_problem_stands_twice(level):
    problems = generate(per_family=150, level=level, seed=0)
    assert len(problems) == 150 * len(FAMILIES)
    assert len({problem.prompt for problem in problems}) == len(problems)
    assert len({problem.id for problem in problems}) == len(problems)


def test_ids_tell_the_family_and_the_place():
    problems = generate(families=["word", "chain"], per_family=2, seed=0)
    assert [problem.id for problem in problems] == ["word-0", "word-1", "chain-0", "chain-1"]


def test_a_duplicate_is_drawn_again(monkeypatch):
    draw = FAMILIES["brackets"]

    def seldom_new(rng, level):
        return draw(random.Random(rng.randrange(3)), level)

    monkeypatch.setitem(FAMILIES, "brackets", seldom_new)
    problems = generate(families=["brackets"], per_family=3, seed=0)
    assert len({problem.prompt for problem in problems}) == 3
    with pytest.raises(ValueError, match="'brackets' holds no 4 different problems at level 1"):
        generate(families=["brackets"], per_family=4, seed=0)


def test_problems_are_records_of_a_bank():
    fields = ("id", "family", "prompt", "answer")
    bank = load_bank(GeneratedSource(generator="fixtures.algebra", per_family=2), BankProblem)
    assert [each.model_dump() for each in bank.records] == [
        {name: getattr(problem, name) for name in fields}
        for problem in generate(per_family=2, seed=0)
    ]
    assert bank.left_out == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"families": ["chain", "calculus"]},
            "unknown family 'calculus'; the families are chain, two-unknowns, proportion, "
            "brackets, word, sequence",
        ),
        ({"families": ["chain", "chain"]}, "the family 'chain' stands more than once"),
        ({"level": 0}, "the level is 1, 2 or 3, not 0"),
        ({"level": 4}, "the level is 1, 2 or 3, not 4"),
        ({"per_family": 0}, "per_family is at least 1, not 0"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        generate(**{"per_family": 1, "seed": 0, **arguments})


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1 + n = 10;", {1, 10}),
        ("買咗12個，每個7蚊，兩個人，第三日", {12, 7, 2, 3}),
        ("冇數字", set()),
    ],
)
def test_numbers_are_read_from_digits_and_chinese_numerals(text, numbers):
    assert numbers_in(text) == numbers
