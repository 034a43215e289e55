"""The tables and pictures of slots, from cells of invented figures, and the episodes that choices are made on."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from turnwise.dialogue import Dialogue, Span, Turn

Script = Callable[[str], ModuleType]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    cells = {
        f"test/{variant}/restaurants8k/64/{seed}": {"mean_f1": value, "machine": "m", "labels": {"time": {"f1": value}}}
        for variant, seed, value in (
            ("default", 0, 0.8),
            ("default", 1, 0.9),
            ("random", 0, 0.5),
            ("default-task", 0, 0.7),
        )
    }
    (tmp_path / "slots.json").write_text(json.dumps(cells), encoding="utf-8")
    trained = {"aux": {"pairs": 1200, "steps": 50}, "task": {"pairs": 600, "steps": 25}}
    (tmp_path / "convex_pretraining.json").write_text(json.dumps(trained), encoding="utf-8")
    return tmp_path


def test_decoders_stand_by_their_pairs(results: Path, script: Script) -> None:
    tables = script("_slot_tables")
    rows = tables.decoders(results).splitlines()
    assert rows[0] == "| decoder begun from | pairs | steps of pre-training | 64 examples |"
    assert rows[2:5] == [
        "| none: random weights |  |  | 50.0 |",
        "| task-oriented text alone | 600 | 25 | 70.0 |",
        "| all: the embedded one | 1,200 | 50 | 85.0 ± 7.1 |",
    ]
    assert tables.by_pairs(results) == {
        "all corpora": [(1200, pytest.approx(0.85))],
        "one kind of corpora": [(600, pytest.approx(0.7))],
    }


def test_snips_has_the_mean_of_its_episodes_beside_no_example(results: Path, script: Script) -> None:
    cells = {
        "test/default/snips/2/0": {"f1": 0.7, "seconds": 3.0, "machine": "m"},
        "test/default/snips/2/1": {"f1": 0.8, "seconds": 5.0, "machine": "m"},
        "test/default/snips/3/0": {"f1": 0.5, "seconds": 2.0, "machine": "m"},
        "test/default/named/2/0": {"f1": 0.25, "machine": "m"},
    }
    (results / "slots.json").write_text(json.dumps(cells), encoding="utf-8")
    rows = script("_slot_tables").snips(results).splitlines()
    assert rows[2:4] == [
        "| Music | 77.6 | 77.6 | 75.0 | 2 | 4.0 | 25.0 |",
        "| Playlist | 79.0 | 79.0 | 50.0 | 1 | 2.0 |  |",
    ]


def test_the_picture_shows_what_is_measured_and_what_is_published(results: Path, script: Script) -> None:
    picture = script("_slot_picture")
    picture.draw(results / "slots.json")
    page = (results / "slots.html").read_text(encoding="utf-8")
    assert "default recipe, 64: 85.0" in page
    assert "ConVEx, published, 8,198: 96.0" in page
    assert "Buses_1" not in page
    (results / "slots.json").write_text("{}", encoding="utf-8")
    (results / "slots.html").unlink()
    (results / "convex_pretraining.json").unlink()
    picture.draw(results / "slots.json")
    assert not (results / "slots.html").exists()


def test_an_episode_covers_every_slot_and_has_no_sentence_to_spare(script: Script) -> None:
    drawn = script("_slot_episodes").episodes
    kinds = [("a",), ("b",), ("a", "b"), ("c", "a")]
    given = [
        Dialogue(f"t:{at}", (Turn(None, "word word", {"slots": tuple(Span(0, 4, s) for s in kinds[at % 4])}),))
        for at in range(40)
    ]
    found = drawn(given, 3, shots=2, asked=4)
    for episode, (support, query) in enumerate(zip(found[::2], found[1::2], strict=True)):
        assert {d.labels["episode"] for d in [*support, *query]} == {episode}
        counts = Counter(s.label for d in support for s in d.turns[0].spans["slots"])
        assert min(counts[slot] for slot in "abc") >= 2
        for one in support:
            own = Counter(s.label for s in one.turns[0].spans["slots"])
            assert any(counts[slot] - own[slot] < 2 for slot in own)
        assert len(query) == 4
        assert not {d.id for d in support} & {d.id for d in query}
    assert found == drawn(given, 3, shots=2, asked=4)
