"""The report: whole in itself, escaped, and shown by a real browser without a complaint."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from turnwise.analysis.label_errors import LabelError
from turnwise.analysis.page import STYLE
from turnwise.analysis.report import render_report, write_report
from turnwise.analysis.space import Space
from turnwise.dialogue import Evidence, Neighbour, Turn
from turnwise.errors import InputError, StorageError
from turnwise.metrics import Outcome, intent_metrics

NASTY = "<script>alert('x')</script> & \"quoted\" <img src=x onerror=alert(1)>"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
VOID = {"meta", "br", "wbr"}


class Tags(HTMLParser):
    """Collects tags with attributes and checks that they nest."""

    def __init__(self, html):
        super().__init__()
        self.found, self.open, self.said = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said.append(data)


def answers(*, oos=False, several=False, nasty="track_order", count=40):
    """Outcomes with the turns that answered them."""
    names = ["cancel_order", "refund", nasty]
    outcomes, turns = [], []
    for i in range(count):
        gold = () if oos and i % 5 == 0 else (names[i % 3], names[(i + 1) % 3]) if several else (names[i % 3],)
        predicted = () if oos and i % 10 == 0 else gold if i % 4 and gold else (names[(i + 1) % 3],)
        text = f"{nasty} number {i}"
        outcomes.append(Outcome(f"d{i}", text, gold, predicted, 0.3 + 0.017 * i, i / count if oos else None, gold))
        evidence = Evidence(
            0.5, (), (Neighbour(f"near {nasty}", gold, 0.9), Neighbour("far", (), 0.1)), truncated=i % 7 == 0
        )
        turns.append(Turn("customer", text, labels={"intent": predicted}, evidence={"intent": evidence}))
    return outcomes, turns


def everything(nasty="track_order", **options):
    """The arguments of a report with every section."""
    outcomes, turns = answers(nasty=nasty, **options)
    points = np.random.default_rng(0).normal(size=(6, 2))
    space = Space(points, (nasty, "refund") * 3, tuple(f"{nasty} {i}" for i in range(6)), -0.25)
    error = LabelError(0, nasty, nasty, "refund", 0.1, 0.8, (Neighbour(nasty, ("refund",), 0.7),))
    return {
        "title": nasty,
        "evaluation": intent_metrics(outcomes, draws=20),
        "outcomes": outcomes,
        "turns": turns,
        "spaces": {nasty: space, "After Stage 2": Space(points, space.labels, space.texts, None)},
        "label_errors": [error, error],
        "model_facts": {nasty: nasty},
    }


def test_it_shows_the_headline_figures_with_their_intervals():
    report = everything()
    html = render_report(**report)
    low, high = report["evaluation"]["intervals"]["accuracy"]
    assert f"{100 * report['evaluation']['accuracy']:.1f}<small> %" in html
    assert f"95 %: {100 * low:.1f} to {100 * high:.1f} %" in html


def test_every_section_is_there_and_linked():
    tags = Tags(render_report(**everything(oos=True))).found
    anchors = [attributes["id"] for tag, attributes in tags if tag == "h2"]
    assert anchors == ["confidence", "confusions", "intents", "space", "labels", "wrong", "model"]
    assert [attributes["href"] for tag, attributes in tags if tag == "a"] == [f"#{anchor}" for anchor in anchors]


def test_sections_without_content_are_left_out():
    outcomes, _ = answers()
    html = render_report(title="t", evaluation=intent_metrics(outcomes, draws=5), outcomes=outcomes, model_facts={})
    for anchor in ("space", "labels", "model"):
        assert f'id="{anchor}"' not in html


@pytest.mark.parametrize("options", [{}, {"oos": True}, {"several": True}, {"oos": True, "several": True}])
def test_texts_labels_and_titles_are_escaped(options):
    html = render_report(**everything(nasty=NASTY, **options))
    tags = Tags(html)
    assert not {"script", "img", "iframe", "object", "link"} & {tag for tag, _ in tags.found}
    assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on")]
    assert any(NASTY in said for said in tags.said)


def test_nothing_comes_from_elsewhere_and_the_policy_forbids_it():
    html = render_report(**everything(oos=True))
    tags = Tags(html).found
    assert not [a for _, a in tags if {"src", "style", "srcset", "action"} & set(a)]
    assert set(re.findall(r"https?://[^\"]+", html)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in STYLE and "@import" not in STYLE
    policy = next(a["content"] for tag, a in tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_confused_sentences_nearest_utterances_and_wrong_answers_are_shown():
    html = render_report(**everything())
    assert "track_order number 0" in html
    assert "near track_order" in html
    assert "cut: longer than the model reads" in html
    assert "Wrong answers (10)" in html


def test_a_repeated_label_error_is_listed_once():
    html = render_report(**everything())
    assert html.count("(2 times)") == 1


def test_the_out_of_scope_curve_marks_the_threshold_in_use():
    assert "Out-of-scope threshold" in render_report(**everything(oos=True))
    assert "Out-of-scope threshold" not in render_report(**everything())


def test_several_labels_show_their_metrics():
    html = render_report(**everything(several=True))
    assert "Micro F1" in html and "Exact match" in html


def test_an_evaluation_without_mistakes_says_so():
    outcomes = [Outcome(str(i), "hello", ("a",), ("a",), 0.9) for i in range(5)]
    html = render_report(
        title="t", evaluation=intent_metrics(outcomes, draws=5), outcomes=outcomes, label_errors=[], model_facts={}
    )
    assert "No answer was wrong" in html
    assert "None were found" in html


def test_one_outcome_makes_a_report():
    outcomes = [Outcome("d", "", (), ("a",), 0.0)]
    Tags(render_report(title="", evaluation=intent_metrics(outcomes, draws=5), outcomes=outcomes, model_facts={}))


def test_long_and_odd_texts_stay_short_and_writable(tmp_path):
    outcomes = [
        Outcome("a", "x" * 1_000_000, ("a",), ("b",), 0.5),
        Outcome("b", "lone \ud800 surrogate, 你好 🙂", ("a",), ("b",), 0.5),
    ]
    evaluation = intent_metrics(outcomes, draws=5)
    write_report(tmp_path / "r.html", title="t", evaluation=evaluation, outcomes=outcomes, model_facts={})
    assert (tmp_path / "r.html").stat().st_size < 40_000
    assert "你好 🙂" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_turns_of_another_number_are_refused(tmp_path):
    report = everything()
    report["turns"] = report["turns"][:-1]
    with pytest.raises(InputError, match="39 turns for 40 outcomes"):
        write_report(tmp_path / "r.html", **report)


def test_a_refused_write_is_told_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="cannot write"):
        write_report(tmp_path / "file" / "r.html", **everything())
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on PATH")
def test_a_browser_shows_it_without_a_complaint(tmp_path):
    path = tmp_path / "report.html"
    write_report(path, **everything(nasty=NASTY, oos=True))
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    flags += " --disable-component-update --disable-extensions --enable-logging=stderr --v=0 --dump-dom"
    shown = subprocess.run(
        [str(CHROMIUM), *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", Path(path).as_uri()],
        capture_output=True,
        timeout=120,
        check=True,
    )
    complaints = [line for line in shown.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]
    assert complaints == []
    dom = shown.stdout.decode("utf-8")
    assert "<script" not in dom
    assert dom.count("<svg") == path.read_text(encoding="utf-8").count("<svg")
    assert "</footer>" in dom
