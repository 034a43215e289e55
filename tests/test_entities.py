"""Entities counted by rules, each sentence counted by hand."""

import sys
from pathlib import Path

import pytest

from turnwise.entities import rule_tagger, tagger
from turnwise.errors import InputError, MissingExtraError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("hello, how can I help you?", 0),
        ("Hello there. Thanks a lot!", 0),
        ("I paid $12.50 for it", 1),
        ("it cost me 30 euros, not 25 euros", 2),
        ("write to zoe.k@example.org or see www.example.org/help", 2),
        ("the train leaves at 5:30 pm on Monday", 2),
        ("we ordered on March 3rd and again on 14 april", 2),
        ("my flight is on 2024-05-06", 1),
        ("ring me on +44 20 7946 0018 please", 1),
        ("order AB12-99X has not come", 1),
        ("a table for four at seven", 2),
        ("I flew from New York to Bank of Ireland Square", 2),
        ("Yesterday Anna met Tom", 3),
        ("we may go, and she sat there in the second row", 0),
        ("Tell Anna Smith on Monday", 2),
        ("I'm sure I'll manage, said Ms", 0),
        ("room 12 and room 14 and 3.5 miles", 3),
    ],
)
def test_sentences_counted_by_hand(text: str, expected: int) -> None:
    assert rule_tagger(text) == expected


def test_a_megabyte_is_counted_in_a_moment() -> None:
    """No pattern goes back over what it has read; one that did would take hours here."""
    assert rule_tagger("room 12 " * 20_000) == 20_000
    for piece in ("1", "1 ", "a1_", "A ", "@", "a.", "+", "9-", "www.", "Jan ", "Zoe 12 ", "a@b", "1,", "A of "):
        assert rule_tagger(piece * 20_000) >= 0


def test_names_of_taggers() -> None:
    assert tagger("rules") is rule_tagger
    with pytest.raises(InputError, match="tagger is 'flair', expected rules, stanza or spacy"):
        tagger("flair")


@pytest.mark.parametrize("name", ["stanza", "spacy"])
def test_a_library_that_is_not_installed_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=f"{name} is not installed"):
        tagger(name)


def test_spacy_counts_what_its_own_pipeline_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline made here, under the name of spaCy's small English model."""
    spacy = pytest.importorskip("spacy")
    made = spacy.blank("en")
    rules = made.add_pipe("entity_ruler")
    rules.add_patterns([{"label": "GPE", "pattern": "leeds"}, {"label": "TIME", "pattern": [{"SHAPE": "dd:dd"}]}])
    made.to_disk(tmp_path / "en_core_web_sm")
    monkeypatch.chdir(tmp_path)
    count = tagger("spacy")
    assert [count(text) for text in ("a train to leeds at 17:30", "to leeds", "hello", "")] == [2, 1, 0, 0]


def test_spacy_without_its_model_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("spacy")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="python -m spacy download en_core_web_sm"):
        tagger("spacy")
