"""The report of mining: every number and picture, everything escaped."""

from typing import Any

from turnwise.analysis.mining_report import render_mining_report

ODD = "<script>alert(1)</script>"


def facts() -> dict[str, Any]:
    return {
        "sources": [ODD], "threshold": 5.25, "texts": 12_345, "groups": 2, "sentences": 1_000, "words": 700,
        "train_pairs": 500, "test_pairs": 9,
        "keyphrases": 1_650, "keyphrases_a_sentence": 1.65, "words_a_keyphrase": 1.3,
        "words_of_keyphrases": [{"length": 1, "phrases": 900}, {"length": 2, "phrases": 750}],
        "words_of_pairs": [{"words": number, "pairs": 1} for number in range(1, 15)],
        "sentences_of_keyphrases": [{"times": times, "phrases": 10} for times in (1, 2, 3, 4)],
        "frequent": [{"phrase": ODD, "times": 4}],
    }  # fmt: skip


def test_every_part_is_there_and_texts_are_escaped() -> None:
    pair = {
        "template": f"I like {ODD} a lot", "template_start": 7, "template_end": 7 + len(ODD),
        "input": f"{ODD}, yes", "input_start": 0, "input_end": len(ODD), "group": ODD,
    }  # fmt: skip
    html = render_mining_report(facts(), [pair])
    assert "<script>" not in html
    assert "I like <b>BLANK</b> a lot" in html
    assert "<mark>&lt;script&gt;alert(1)&lt;/script&gt;</mark>, yes" in html
    for said in ("12,345", "1.65", "5.250", "more than 10", "2 to 3: 20 keyphrases", "4 to 7: 10 keyphrases"):
        assert said in html, said
