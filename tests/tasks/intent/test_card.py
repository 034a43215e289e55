from turnwise.tasks.intent.card import model_card


def test_the_card_says_what_was_made_how_and_how_good_it_is() -> None:
    facts = {
        "turnwise": "0.1.0",
        "utterances": 12,
        "recipe": {"training": {"steps": 3}},
        "held_out": {"source": "dev", "utterances": 4},
    }
    card = model_card(
        ("late", "lost"), "abc123", {"encoder": "embedded", "decision": {"several": False}, "facts": facts}
    )
    for part in (
        "Version `abc123`, fitted with turnwise 0.1.0 on 12 utterances of 2 intents; encoder: `embedded`.",
        '"steps": 3',
        "- source: dev\n- utterances: 4",
        "`late`, `lost`",
    ):
        assert part in card


def test_a_card_without_facts_says_so() -> None:
    card = model_card(("a", "b"), "abc", {"encoder": "embedded", "decision": {"several": True}, "facts": {}})
    assert "Nothing was held out." in card
    assert "on ? utterances of 2 intents" in card
