"""The report of a task: every section from its evaluation, everything escaped, nothing fetched."""

import re
from pathlib import Path
from typing import Any

import pytest

from turnwise.analysis.svg import matrix
from turnwise.analysis.task_report import render_task_report, write_task_report
from turnwise.dialogue import Evidence
from turnwise.errors import StorageError
from turnwise.tasks.answers import Answered, OneOf, Several, YesNo

ODD = "<script>alert(1)</script>"


def answered(gold: Any, said: Any, score: float, number: int, yes: float = 0.0) -> Answered:
    return Answered(f"d{number}", gold, said, Evidence(score, (("yes", yes), ("no", 1 - yes))))


def evaluation(kind: str) -> dict[str, Any]:
    if kind == "several":
        pairs = [answered((ODD, "b"), (ODD,), 0.9, 0), answered(("new",), ("b",), 0.4, 1), answered((), (), 0.8, 2)]
        found = Several().measure(pairs, {"labels": [ODD, "b"], "threshold": 0.5}, draws=4, seed=0)
    elif kind == "one_of":
        pairs = [answered(1, 3, 0.6, 0), answered(3, 3, 0.9, 1), answered(3, 3, 0.7, 2)]
        found = OneOf().measure(pairs, {"levels": [1, 3]}, draws=4, seed=0)
    else:
        pairs = [answered(True, True, 0.9, 0, 0.9), answered(False, True, 0.7, 1, 0.7), answered(False, False, 1, 2)]
        found = YesNo().measure(pairs, {"threshold": 0.625}, draws=4, seed=0)
    return {"task": kind, "model": "abc", "dialogues": 3, **found}


def drawn(kind: str, **facts: str) -> str:
    return render_task_report(title=f"mine {ODD}", evaluation=evaluation(kind), model_facts=facts)


@pytest.mark.parametrize(
    ("kind", "said", "absent"),
    [
        ("several", ["Micro F1", "Exact match", "Labels it never learned", "Reliability"], ["Kappa", "Annotated and"]),
        ("one_of", ["Kappa", "Accuracy", "Annotated and answered", "Reliability"], ["Precision against", "never"]),
        ("yes_no", ["Area under the curve", "Precision against recall", "probability of 0.625"], ["Kappa", "never"]),
    ],
)
def test_each_kind_of_answers_has_its_sections(kind: str, said: list[str], absent: list[str]) -> None:
    html = drawn(kind, encoder=ODD)
    assert all(part in html for part in said), [part for part in said if part not in html]
    assert not any(part in html for part in absent)
    assert "3 answers in 3 dialogues" in html
    for anchor in re.findall(r'href="#([a-z]+)"', html):
        assert f'id="{anchor}"' in html


@pytest.mark.parametrize("kind", ["several", "one_of", "yes_no"])
def test_the_page_is_whole_and_everything_is_escaped(kind: str) -> None:
    html = drawn(kind, encoder=ODD)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "default-src 'none'" in html
    assert not re.search(r'(src|href)="(?!#)', html)
    assert "style=" not in html


def test_figures_of_the_page_by_hand() -> None:
    """Two of three right; levels 1 and 3: row 1 is answered 3 once, row 3 is answered 3 twice."""
    html = drawn("one_of")
    assert "66.7<small> %</small>" in html
    assert "annotated 1, answered 3: 1 (100.0 %)" in html
    assert "annotated 3, answered 3: 2 (100.0 %)" in html
    assert "annotated 3, answered 1: 0 (0.0 %)" in html
    # precision 1/2 and recall 1 at the threshold; the only yes is the likeliest: the area is 1
    html = drawn("yes_no")
    assert "area 100.0 %" in html
    assert "right in 33.3 %" in html


def test_an_evaluation_without_anything_to_draw_still_makes_a_page() -> None:
    bare = {"task": "other", "n": 2, "dialogues": 1, "curve": [[1, 1, 1]]}
    html = render_task_report(title="t", evaluation=bare, model_facts={})
    assert "2 answers in 1 dialogues" in html
    assert "<figure" not in html


def test_only_one_kind_of_answers_needs_no_curve() -> None:
    """No hand-off in the corpus: there is no area and no curve, and the rest is shown."""
    found = YesNo().measure([answered(False, False, 0.9, 0, 0.1)], {"threshold": 0.5}, draws=2, seed=0)
    html = render_task_report(title="t", evaluation={"dialogues": 1, **found}, model_facts={})
    assert "Precision against recall" not in html
    assert "Reliability" in html


def test_it_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_task_report(path, title="t", evaluation=evaluation("one_of"), model_facts={})
    before = path.read_text(encoding="utf-8")
    assert before.startswith("<!doctype html>")
    with pytest.raises(StorageError):
        write_task_report(path / "r.html", title="t", evaluation=evaluation("one_of"), model_facts={})
    assert path.read_text(encoding="utf-8") == before


def test_a_matrix_of_many_names_stays_within_its_width() -> None:
    names = [f"level {number}" for number in range(10)]
    drawn = matrix(names, [[1] * 10 for _ in names], about="a < b")
    assert drawn.count("<rect") == 100
    assert 'aria-label="a &lt; b"' in drawn
    assert 'viewBox="0 0 372 334"' in drawn
