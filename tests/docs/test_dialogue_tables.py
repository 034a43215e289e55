"""The tables and drawings of state tracking, selection, ranking and personal data, from cells of invented figures."""

import json
from pathlib import Path
from types import ModuleType


def write(folder: Path, name: str, content: object) -> None:
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def tracked(joint: float, **more: object) -> dict[str, object]:
    figures = {"joint_accuracy": joint, "slot_accuracy": 0.96, "filled_accuracy": 0.9, "ceiling": 0.75}
    counts = {"n": 1646, "unknown_values": 12, "train": 600, "machine": "m"}
    return {**figures, **counts, "intervals": {"joint_accuracy": [0.85, 0.92]}, **more}


def test_both_forms_of_state_stand_beside_the_ceiling_and_what_is_reported(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cells = {
        "woz2-published-0": tracked(0.8),
        "woz2-default-0": tracked(0.88),
        "woz2-default-1": tracked(0.9),
        "sim-r-default-0": tracked(0.7),
        "sgd-whole-published-0": tracked(0.4),
        "multiwoz21-default-0": tracked(0.3),
    }
    write(tmp_path, "state.json", cells)
    tables: ModuleType = script("_dialogue_tables")
    lines = tables.state(tmp_path).splitlines()
    assert lines[0] == (
        "| test, % | joint accuracy | slot accuracy | of filled slots | ceiling of a picklist "
        "| values that no list has | turns | training dialogues |"
    )
    assert lines[2].startswith("| WOZ 2.0: published form | 80.00 (85.00 to 92.00) | 96.00 | 90.00 | 75.00 | 12 | ")
    assert lines[3].startswith("| WOZ 2.0: default | 89.00 ± 1.41 | 96.00 ± 0.00 |")
    assert lines[4].startswith("| WOZ 2.0: dedicated trackers, as reported | 88 to 91 |  |")
    assert lines[5].startswith("| Sim-R: default | 70.00 ")
    assert [line.split(" | ")[0] for line in lines[6:10]] == [
        "| MultiWOZ 2.1, few dialogues: default",
        "| MultiWOZ 2.1: DSDF, BERT-base, all dialogues",
        "| MultiWOZ 2.1: DSDF's best, all dialogues",
        "| SGD, unseen services: published form",
    ]
    assert lines[-1] == "- measured on: m"


def test_selection_has_the_pessimistic_rank_first_and_dsdf_beside(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    figures = {"r100@1": 0.45, "r100@3": 0.7, "r100@1_merged": 0.5, "r100@3_merged": 0.72, "recall@1": 0.1, "mrr": 0.2}
    cells = {
        f"gsim/{encoder}/0": {**figures, "n": 2000, "pool": 900, "intervals": {"r100@1": [0.4, 0.5]}, "recall@5": 0.3}
        for encoder in ("embedded", "mix")
    }
    write(tmp_path, "selection.json", cells)
    tables: ModuleType = script("_response_tables")
    lines = tables.selection(tmp_path).splitlines()
    assert lines[0].startswith("| test, % | R100@1 | R100@3 | R100@1, twins merged | R100@3, twins merged | recall@1 ")
    assert lines[2] == (
        "| GSIM: embedded encoder | 45.00 (40.00 to 50.00) | 70.00 | 50.00 | 72.00 | 10.00 | 20.00 | 2,000 | 900 |"
    )
    assert lines[3].startswith("| GSIM: mix encoder |")
    assert lines[4].startswith("| GSIM: DSDF, BERT-base | 19.21 | 40.02 |  |")
    assert lines[5] == "| GSIM: DSDF's best | 41.94 | 66.47 |  |  |  |  |  |  |"
    assert len(lines) == 6


def ranked(first: float, **more: object) -> dict[str, object]:
    return {"n": 1000, "mrr": first + 0.1, "recall@1": first, "recall@5": first + 0.2, "machine": "m", **more}


def test_ranking_fitted_and_zero_shot_and_what_the_shortlist_costs(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    behind, whole = ranked(0.5, shortlist_recall=0.97), ranked(0.506, shortlist_recall=1.0)
    quick = {"retriever_p50_ms": 9.94, "retriever_p95_ms": 12.0}
    times = {"times_faster": 46.8, "retriever_times_faster": 241.4}
    speed = {"p50_ms": 51.26, "p95_ms": 80.0, "whole_p50_ms": 2400.0, "pool": 1000, **quick, **times}
    cells = {
        "fit/star/0": ranked(0.5, happy=ranked(0.6), unhappy=ranked(0.4), shown=0.8, pool=140),
        "zero-shot/star/cosine": ranked(0.2, in_pool=300, shown=1.0, pool=140),
        "zero-shot/star/cs-bert": ranked(0.25, n=310, shortlist_recall=1.0),
        "cross/star/0": ranked(0.55, shown=0.7, pool=140),
        "shortlist/star": {
            "retriever": ranked(0.51, shortlist_recall=0.97),
            "shortlist": behind,
            "whole": whole,
            "retriever_lost": -0.004,
            "shortlist_lost": 0.006,
            "retriever_times_faster": 99.0,
            "shortlist_times_faster": 12.34,
            "candidates": 10,
            "pool": 140,
        },
        "speed/int8/1000": {**speed, "candidates": 10},
        "speed/torch/1000": {**speed, "p50_ms": 99.0, "candidates": 10},
        "speed/int8/10000": {**quick, "p50_ms": 60.0, "p95_ms": 90.0, "candidates": 10, "pool": 10_000},
        "adapt/star": {"seconds": 1.0, "steps": 2},
    }
    write(tmp_path, "ranking.json", cells)
    tables: ModuleType = script("_response_tables")
    lines = tables.ranking(tmp_path).splitlines()
    assert lines[0] == "| test, % | MRR | recall@1 | recall@5 | shown | turns | responses of the pool |"
    assert lines[2:8] == [
        "| STAR: fitted | 60.00 | 50.00 | 70.00 | 80.00 | 1,000 | 140 |",
        "| STAR: with the cross-encoder | 65.00 | 55.00 | 75.00 | 70.00 | 1,000 | 140 |",
        "| STAR: fitted, dialogues that keep to the path | 70.00 | 60.00 | 80.00 |  | 1,000 |  |",
        "| STAR: fitted, dialogues that leave it | 50.00 | 40.00 | 60.00 |  | 1,000 |  |",
        "| STAR: zero-shot, the head of CS-BERT's pre-training | 35.00 | 25.00 | 45.00 |  | 310 |  |",
        "| STAR: zero-shot, cosine of the embedded encoder | 30.00 | 20.00 | 40.00 |  | 300 | 140 |",
    ]
    assert "| CS-BERT's data, item in transit: CS-BERT-MSP, zero-shot | 33.10 | 12.10 | 58.10 |  |  |  |" in lines
    lines = tables.shortlist(tmp_path).splitlines()
    assert lines[2:5] == [
        "| STAR: dual encoder and precedents | 51.00 | 61.00 | 97.00 | -0.40 | 99.0 | 10 | 140 | 1,000 |",
        "| STAR: the cross-encoder behind them | 50.00 | 60.00 | 97.00 | 0.60 | 12.3 | 10 | 140 | 1,000 |",
        "| STAR: the cross-encoder over the whole pool | 50.60 | 60.60 | 100.00 |  |  | 10 | 140 | 1,000 |",
    ]
    lines = tables.ranking_speed(tmp_path).splitlines()
    assert lines[2:] == [
        "| torch | 9.9 | 12.0 | 99.0 | 80.0 | 2,400 | 46.8 | 241.4 | 10 | 1,000 |",
        "| int8 | 9.9 | 12.0 | 51.3 | 80.0 | 2,400 | 46.8 | 241.4 | 10 | 1,000 |",
        "| int8 | 9.9 | 12.0 | 60.0 | 90.0 |  |  |  | 10 | 10,000 |",
    ]
    assert tables.ranking_shares(tmp_path) == ""


def test_what_precedents_give_by_their_weight(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cell = {"chosen": 0.75, "dev/0.0": ranked(0.3), "test/0.0": ranked(0.28), "dev/0.75": ranked(0.42), "machine": "m"}
    write(tmp_path, "ranking.json", {"precedents/sample": {**cell, "test/0.75": ranked(0.4)}})
    assert script("_response_tables").precedents(tmp_path).splitlines()[2:] == [
        "| sample corpus, dev | 0 | 30.00 | 50.00 | 40.00 | 1,000 |",
        "| sample corpus, dev | 0.75, chosen | 42.00 | 62.00 | 52.00 | 1,000 |",
        "| sample corpus, test | 0 | 28.00 | 48.00 | 38.00 | 1,000 |",
        "| sample corpus, test | 0.75, chosen | 40.00 | 60.00 | 50.00 | 1,000 |",
    ]


def test_shares_of_the_labels_of_ranking_as_table_and_as_page(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    given = (("embedded", 0.05, 0), ("embedded", 1.0, 0), ("embedded", 1.0, 1), ("cs-bert", 1.0, 0))
    cells = {
        f"shares/sample/{encoder}/{share}/{seed}": ranked(share / 2 + 0.1 * seed, dialogues=round(400 * share))
        for encoder, share, seed in given
    }
    write(tmp_path, "ranking.json", cells)
    lines = script("_response_tables").ranking_shares(tmp_path).splitlines()
    assert lines[0] == "| test, % | metric | 5 % of the labels | 100 % of the labels |"
    assert lines[2:] == [
        "| sample corpus: embedded encoder | recall@1 | 2.50 | 55.00 ± 7.07 |",
        "| sample corpus: embedded encoder | MRR | 12.50 | 65.00 ± 7.07 |",
        "| sample corpus: after CS-BERT's pre-training | recall@1 |  | 50.00 |",
        "| sample corpus: after CS-BERT's pre-training | MRR |  | 60.00 |",
    ]
    script("ranking").draw(tmp_path / "ranking.json")
    html = (tmp_path / "ranking.html").read_text(encoding="utf-8")
    assert html.count("<figure>") == 2
    assert "embedded encoder, 5 %, 20 dialogues: 2.50" in html
    assert "after CS-BERT&#x27;s pre-training, 100 %, 400 dialogues: 50.00" in html
    assert "mean of 2 seeds" in html


def marked(f1: float) -> dict[str, object]:
    words = {"word_precision": 0.9, "word_recall": 0.92, "word_f1": 0.91, "covered": 0.95}
    found = {"precision": f1, "recall": f1, "f1": f1, **words}
    return {**found, "entities": 1234, "intervals": {"f1": [f1 - 0.01, f1 + 0.01]}}


def test_personal_data_thrice_beside_what_others_report(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cells = {
        f"{on}/presidio/share-{share}/{seed}": {
            "f1": value,
            "both": marked(value),
            "model": marked(value - 0.02),
            "rules": marked(0.4),
            "train": {"dialogues": share * 10, "examples": 1},
            "machine": "m",
        }
        for on, share, seed, value in (
            ("test", 5, 0, 0.6),
            ("test", 100, 0, 0.94),
            ("test", 100, 1, 0.96),
            ("dev", 100, 0, 0.1),
        )
    }
    cells["dev/presidio+plain-turns/share-100/0"] = cells["dev/presidio/share-100/0"]
    cells["conventions/test"] = {"whole": marked(0.85)}
    write(tmp_path, "pii.json", cells)
    tables: ModuleType = script("_dialogue_tables")
    lines = tables.pii(tmp_path).splitlines()
    assert lines[0].startswith("| test, % | precision | recall | F1 | word precision | word recall | word F1 | ")
    assert lines[2].startswith("| Presidio synthetic: model and rules | 95.00 ± 1.41 | 95.00 ± 1.41 | 95.00 ± 1.41 | ")
    assert lines[3].startswith("| Presidio synthetic: model alone | 93.00 ± 1.41 |")
    assert lines[4].startswith("| Presidio synthetic: rules alone | 40.00 | 40.00 | 40.00 (39.00 to 41.00) |")
    assert lines[4].endswith("| 95.00 | 1,234 |")
    assert lines[5].startswith("| Presidio synthetic: the true spans, but each address whole | 85.00 | 85.00 | 85.00 (")
    assert "| CS-BERT's data: CS-BERT-MSP | 89.10 | 93.11 | 91.06 | 89.88 | 91.82 | 90.84 |  |  |" in lines
    assert any("Presidio's tuned engine" in line and "|  |  | 84.50 |" in line for line in lines)
    lines = tables.pii_shares(tmp_path).splitlines()
    assert lines[2] == "| Presidio synthetic: model and rules | 60.00 | 95.00 ± 1.41 |"
    lines = tables.pii_dev(tmp_path).splitlines()
    assert lines[2].startswith("| Presidio synthetic | 10.00 (9.00 to 11.00) | 91.00 | 95.00 | 8.00 (")
    assert lines[3].startswith("| Presidio synthetic, plain turns | 10.00 (9.00 to 11.00) |")
    assert lines[3].endswith("| 1 |")
    script("pii").draw(tmp_path / "pii.json")
    html = (tmp_path / "pii.html").read_text(encoding="utf-8")
    assert html.count("<figure>") == 1
    assert "model alone, 5 %, 50 dialogues: 58.00" in html


def test_without_cells_nothing_is_drawn(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path, "ranking.json", {"adapt/star": {"seconds": 1.0}})
    for name in ("ranking", "pii"):
        script(name).draw(tmp_path / f"{name}.json")
        assert not (tmp_path / f"{name}.html").exists()


def test_the_tables_name_what_the_scripts_measure(script) -> None:  # type: ignore[no-untyped-def]
    dialogue, response = script("_dialogue_tables"), script("_response_tables")
    state, pii, selection, ranking = (script(name) for name in ("state", "pii", "selection", "ranking"))
    assert set(dialogue._CORPORA) == {*state.CELLS, *(f"{name}-whole" for name in state.LARGE)}
    assert set(dialogue._FORMS) == set(state.FORMS)
    assert set(dialogue._PII_CORPORA) == set(pii.CORPORA)
    assert set(response._SELECTED) == set(selection.CORPORA) == set(response._SELECTION_PUBLISHED)
    assert set(response._RANKED) == set(ranking.CORPORA)
