"""What of a run stands in a JUnit file: a property per metric, and nothing of our own making."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from basegate.ledger import Record
from basegate.plugin.outcomes import PROPERTY
from basegate.plugin.run_report import take_records
from basegate.report.junit import properties
from tests.helpers.ledgers import bits, broken, cantonese, correct, facts
from tests.helpers.plain import SLOW_WITH_WORKERS

FAMILIES = pytest.mark.parametrize(
    "family", [pytest.param("xunit1", marks=pytest.mark.slow), "xunit2"]
)


def record(*rows):
    return Record(candidate=facts("yi-6b", "01-ai/Yi-6B", 5), results=rows)


def properties_in(project, *options):
    """Run the project's tests; return the properties in its JUnit file by test, each name once."""
    project.runpytest_subprocess("--junitxml=junit.xml", *options)
    found = {}
    for case in ET.parse(project.path / "junit.xml").iter("testcase"):
        pairs = [(each.get("name"), each.get("value")) for each in case.iter("property")]
        assert len(dict(pairs)) == len(pairs)
        assert case.get("name") not in found
        found[case.get("name")] = dict(pairs)
    return found


def test_a_metric_is_a_property_with_what_is_known_of_it_beside_it():
    assert dict(properties([record(bits("yi-6b", 4.1, "pass"))])) == {
        "basegate.candidate": "yi-6b",
        "basegate.check": "perplexity",
        "basegate.item": "wiki",
        "basegate.verdict": "pass",
        "basegate.sample_size": "60 documents",
        "basegate.measurement": "c0ffee" * 10 + "beef",
        "basegate.bits_per_char": "4.1",
        "basegate.bits_per_char.low": repr(4.1 - 0.125),
        "basegate.bits_per_char.high": repr(4.1 + 0.125),
        "basegate.bits_per_char.confidence": "0.95",
        "basegate.bits_per_char.limit": "5.0",
        "basegate.bits_per_char.unit": "bits_per_char",
        "basegate.bits_per_char.direction": "max",
        "basegate.bits_per_char.verdict": "pass",
    }


def test_an_advisory_limit_is_marked_and_leaves_the_tests_verdict_alone():
    advisory = bits("yi-6b", 9.1, "fail").model_copy(update={"advisory": True})
    found = dict(properties([record(advisory)]))
    assert found["basegate.verdict"] == "pass"
    assert found["basegate.bits_per_char.verdict"] == "fail"
    assert found["basegate.bits_per_char.advisory"] == "true"


def test_a_question_that_is_judged_alone_has_its_id_in_brackets():
    rows = (correct("yi-6b", "a", 7, 7, "pass"), correct("yi-6b", "b", 3, 7, "fail"))
    found = dict(properties([record(*rows)]))
    assert (found["basegate.correct[a]"], found["basegate.correct[b]"]) == ("7.0", "3.0")
    assert found["basegate.correct[b].verdict"] == found["basegate.verdict"] == "fail"


def test_what_has_no_number_and_no_interval_has_no_property_for_them():
    rows = (bits("yi-6b", 4.1, "pass").model_copy(update={"value": None, "interval": None}),)
    found = dict(properties([record(*rows)]))
    assert "basegate.bits_per_char" not in found
    assert not [name for name in found if name.endswith((".low", ".high", ".confidence"))]
    assert found["basegate.bits_per_char.limit"] == "5.0"


def test_a_measurement_that_is_broken_says_so_without_a_metric():
    found = dict(properties([record(broken("yi-6b"))]))
    assert found["basegate.verdict"] == "invalid"
    assert [name for name in found if name.count(".") > 1] == []


def test_a_test_that_judges_two_measurements_names_each():
    found = dict(properties([record(bits("a", 4.0, "pass")), record(cantonese("a", 0.75))]))
    assert found["basegate.perplexity.wiki.bits_per_char"] == "4.0"
    assert found["basegate.continuation.continuation.cantonese_share"] == "0.75"
    assert found["basegate.perplexity.wiki.verdict"] == "pass"


@pytest.mark.parametrize("spoiling", ["a\x00b", "a\x1b[31m", "a\ufffeb", "a\ud800b", "a\nb\tc"])
def test_names_and_texts_can_stand_in_an_xml_file(spoiling):
    row = correct("yi-6b", spoiling, 7, 7, "pass").model_copy(update={"unit": spoiling})
    # Past validation, as a bank of questions may hold it.
    made = Record.model_construct(candidate=None, results=(row,))
    element = ET.Element("x")
    for name, value in properties([made]):
        ET.SubElement(element, "property", name=name, value=value)
    again = ET.fromstring(ET.tostring(element, encoding="utf-8"))
    names = [each.get("name") for each in again if "correct" in each.get("name")]
    assert names[0].startswith("basegate.correct[a")
    assert not [name for name in names if name != " ".join(name.split())]


def test_records_are_taken_off_a_report_and_what_others_put_there_stays():
    report = type("Report", (), {"when": "call"})()
    made = record(bits("yi-6b", 4.1, "pass"))
    carried = (f"{PROPERTY}:call", made.model_dump_json())
    report.user_properties = [("other", 1), carried, (7, "x"), (f"{PROPERTY}:setup", carried[1])]
    assert take_records(report) == [made]
    assert report.user_properties[:2] == [("other", 1), (7, "x")]
    assert report.user_properties[2:] == properties([made])


@FAMILIES
@SLOW_WITH_WORKERS
def test_a_junit_file_has_a_property_per_metric_and_no_record(isolated, family, workers):
    # q1 is answered rightly by all, p1 too; `bad` is too far off in perplexity.
    found = properties_in(isolated, "--model", "one,bad", "-o", f"junit_family={family}", *workers)
    assert len(found) == 8
    good, bad = found["test_perplexity[one-local]"], found["test_perplexity[bad-local]"]
    assert float(good["basegate.bits_per_char"]) == pytest.approx(1.4427, abs=1e-4)
    assert float(bad["basegate.bits_per_char"]) == pytest.approx(12.9843, abs=1e-4)
    assert (good["basegate.verdict"], bad["basegate.verdict"]) == ("pass", "fail")
    assert bad["basegate.bits_per_char.limit"] == "2.0"
    assert bad["basegate.candidate"] == "bad"
    assert found["test_knowledge[one-facts]"]["basegate.correct[q1]"] == "1.0"
    names = {name for each in found.values() for name in each}
    assert all(name.startswith("basegate.") for name in names)
    assert not [value for each in found.values() for value in each.values() if "{" in value]


@SLOW_WITH_WORKERS
def test_a_test_that_broke_has_the_verdict_of_all_its_phases(isolated, workers):
    test = isolated.path / "tests_models/test_perplexity.py"
    test.write_text(
        "import pytest\n\n@pytest.fixture\ndef late():\n    yield\n    raise KeyError('late')\n"
        + test.read_text().replace("(perplexity, judge)", "(late, perplexity, judge)")
    )
    found = properties_in(isolated, "--model", "one,nan", "-k", "perplexity", *workers)
    assert found["test_perplexity[nan-local]"]["basegate.verdict"] == "invalid"
    assert found["test_perplexity[one-local]"]["basegate.verdict"] == "invalid"
    assert "basegate.bits_per_char" in found["test_perplexity[one-local]"]


@SLOW_WITH_WORKERS
def test_a_users_own_properties_stay(isolated, workers):
    test = isolated.path / "tests_models/test_perplexity.py"
    test.write_text(
        test.read_text()
        .replace("(perplexity, judge)", "(perplexity, judge, record_property)")
        .replace("verdict = ", "record_property('mine', 3)\n    verdict = ")
    )
    found = properties_in(isolated, "--model", "one", "-k", "perplexity", *workers)
    assert found["test_perplexity[one-local]"]["mine"] == "3"
