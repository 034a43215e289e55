"""Response ranking: the cross-encoder behind a shortlist."""

import copy
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from turnwise.dialogue import Dialogue, Turn, to_json
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError, ModelError
from turnwise.objectives.classify import class_head
from turnwise.objectives.objective import Draws, Hidden
from turnwise.pretrained_heads import head_weights, write_heads
from turnwise.tasks.fit import HeldOut, TaskInput
from turnwise.tasks.pool import Pool, Response
from turnwise.tasks.ranking.evaluation import Answered
from turnwise.tasks.ranking.examples import Candidates, pairs_of
from turnwise.tasks.ranking.fit import RankingFitting, fit_ranking
from turnwise.tasks.ranking.model import RankingModel, load_ranking, zero_shot
from turnwise.tasks.ranking.task import Ranking, Shortlist
from turnwise.tasks.selection import Selection
from turnwise.training import Settings

SETTINGS = Settings(steps=240, learning_rate=3e-3, head_learning_rate=1e-2, precision="fp32")
QUICK = replace(SETTINGS, steps=2)
TASK = Ranking(batch_size=16, negatives=3, top_k=3, hard=0.5, mix=0.0)
INPUT = TaskInput(max_tokens=40, format="cs-bert")
FITTING = RankingFitting(TASK, SETTINGS, replace(SETTINGS, steps=100), Selection(batch_size=16), INPUT, HeldOut(0))
SHORT = replace(FITTING, training=QUICK, shortlist=QUICK)


@pytest.fixture(scope="module")
def desk(checkpoint: Callable[[str], Path], desk_talks: list[Dialogue], desk_pool: Pool) -> RankingModel:
    """Fitted to eight dialogues; tests that change it take a copy."""
    encoder = Encoder.load(checkpoint("bert"))
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    model = fit_ranking(desk_talks, encoder, FITTING, pool=desk_pool, dev=desk_talks)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    return model


@pytest.fixture
def model(desk: RankingModel) -> RankingModel:
    return copy.copy(desk)


def test_the_pessimistic_rank_of_candidates_and_of_what_the_shortlist_left_out() -> None:
    """Candidates 4, 0, 2 score 1, 2, 2: 0 and 2 tie, so both have rank 2; 4 has 3.

    By the retriever the order of all is 0, 2, 4, 3, 1: what is left out comes behind the three.
    """
    answer = Answered(np.array([4, 0, 2]), np.array([1.0, 2.0, 2.0]), np.array([0.9, 0.1, 0.8, 0.2, 0.7]), 1e6)
    assert [answer.rank(gold) for gold in range(5)] == [1, 5, 2, 4, 3]
    assert [at for at, _ in answer.order] == [0, 2, 4]
    even = replace(answer, retrieved=np.array([0.5, 0.1, 0.5, 0.2, 0.5]), weight=1.0)
    assert [even.rank(gold) for gold in range(5)] == [2, 5, 2, 4, 3]
    less = replace(answer, weight=0.05)
    assert [at for at, _ in less.order] == [0, 2, 4]
    assert less.rank(0) == 1


def test_pairs_know_what_is_annotated_and_draw_from_their_own_kind(
    tiny: Encoder, desk_talks: list[Dialogue], desk_pool: Pool
) -> None:
    pairs = pairs_of(desk_talks, tiny.codec, desk_pool, "response", profile=True)
    assert (pairs.annotated, len(pairs)) == (12, 16)
    assert {len(pair.candidates.ids) for pair in pairs.found[:12]} == {6}
    assert {len(pair.candidates.ids) for pair in pairs.found[12:]} == {2}
    rng = np.random.default_rng(0)
    for pair in pairs.found:
        other = pair.candidates.draw(rng, pair.response)
        assert other is not None and not np.array_equal(other, pair.response)
    own = pairs[0].candidates.ids[2]
    only = [pairs[0].candidates.draw(rng, own, np.array([4])) for _ in range(5)]
    assert all(np.array_equal(one, pairs[0].candidates.ids[4]) for one in only if one is not None)
    assert Candidates([own]).draw(rng, own) is None


def test_an_epoch_has_as_many_typed_turns_as_annotated_ones(
    tiny: Encoder, desk_talks: list[Dialogue], desk_pool: Pool
) -> None:
    pairs = pairs_of(desk_talks, tiny.codec, desk_pool, "response", profile=True)
    for mix, typed in ((1.0, 12), (0.5, 6), (0.0, 0)):
        task = replace(TASK, mix=mix, batch_size=5)
        batches = list(task.batches(pairs, np.random.default_rng(0)))
        assert len(batches) == task.epoch_steps(pairs)
        counts = Counter(row for rows in batches for row in rows)
        assert all(counts[row] == 1 for row in range(12))
        assert sum(counts[row] for row in range(12, 16)) == typed
        assert {counts[row] for row in range(12, 16)} <= {typed // 4, typed // 4 + 1}


def test_a_row_with_the_response_and_others_without_and_gradients(
    tiny: Encoder, desk_talks: list[Dialogue], desk_pool: Pool
) -> None:
    pairs = pairs_of(desk_talks, tiny.codec, desk_pool, "response", profile=True)
    rows = (0, 5, 13)
    batch = TASK.collate([pairs[row] for row in rows], tiny.codec, Draws(0, 0, 0, rows))
    assert batch.targets["labels"].tolist() == [1, 0, 0, 0] * 3
    assert batch.number == 12
    short = replace(TASK, pair_tokens=16).collate([pairs[row] for row in rows], tiny.codec, Draws(0, 0, 0, rows))
    assert short.encodings[0].ids.shape[1] <= 16 < batch.encodings[0].ids.shape[1]
    again = TASK.collate([pairs[row] for row in rows], tiny.codec, Draws(0, 0, 0, rows))
    assert torch.equal(batch.encodings[0].ids, again.encodings[0].ids)
    head = TASK.head(tiny, pairs)
    hidden = (Hidden(tiny(batch.encodings[0]), batch.encodings[0].mask),)
    loss = TASK.loss(hidden, head, batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(float(parameter.grad.abs().sum()) > 0 for parameter in head.parameters() if parameter.grad is not None)
    assert float(tiny.embeddings.grad.abs().sum()) > 0  # type: ignore[union-attr]


def test_it_overfits_behind_its_shortlist(model: RankingModel, desk_talks: list[Dialogue]) -> None:
    found = model.evaluate(desk_talks, draws=5)
    assert (found["n"], found["not_in_pool"], found["turns"], found["dialogues"]) == (12, 4, 16, 8)
    assert (found["recall@1"], found["candidates"], found["shortlist_recall"]) == (1.0, 3, 1.0)
    assert found["intervals"]["mrr"] == [1.0, 1.0]
    json.dumps(found, allow_nan=False)
    for dialogue in desk_talks:
        answer = model.predict(dialogue).turns[0].evidence["response"]
        assert answer.alternatives[0][0] == dialogue.turns[1].labels["response"]


def test_it_overfits_without_a_shortlist(tiny: Encoder, desk_talks: list[Dialogue], desk_pool: Pool) -> None:
    fitting = replace(FITTING, task=replace(TASK, shortlist="none"))
    found = fit_ranking(desk_talks, tiny, fitting, pool=desk_pool, dev=desk_talks).evaluate(desk_talks, draws=0)
    assert found["recall@1"] > 0.8
    assert (found["candidates"], found["shortlist_recall"]) == (6, 1.0)


def test_the_retriever_ranks_alone_without_a_cross_encoder(
    tiny: Encoder, desk_talks: list[Dialogue], desk_pool: Pool
) -> None:
    fitting = replace(FITTING, task=replace(TASK, cross=False))
    model = fit_ranking(desk_talks, tiny, fitting, pool=desk_pool, dev=desk_talks)
    assert (model.cross, model.weight, model.whole) == (None, 0.0, False)
    assert (model.facts["annotated"], model.facts["typed"]) == (12, 4)
    found = model.evaluate(desk_talks, draws=0)
    assert found["recall@1"] > 0.8
    assert (found["candidates"], found["shortlist_recall"]) == (3, 1.0)
    one = Pool.of([Response("card", "your card arrives on monday")], source="test")
    alone = fit_ranking(desk_talks, tiny, replace(SHORT, task=fitting.task), pool=one)
    assert alone.evaluate(desk_talks, draws=0)["recall@1"] == 1.0


def test_a_small_pool_needs_no_shortlist_unless_nothing_else_would_rank_it() -> None:
    ways: tuple[Shortlist, Shortlist] = ("separate", "shared")
    for shortlist in ways:
        task = replace(TASK, shortlist=shortlist)
        assert (task.shortlist_of(3), task.shortlist_of(4)) == ("none", shortlist)
        assert replace(task, cross=False).shortlist_of(1) == shortlist


@pytest.mark.parametrize("cross", [True, False])
@pytest.mark.parametrize("shortlist", ["separate", "shared", "none"])
def test_what_is_saved_answers_alike(
    tiny: Encoder, desk_talks: list[Dialogue], desk_pool: Pool, tmp_path: Path, shortlist: Shortlist, cross: bool
) -> None:
    if shortlist == "none" and not cross:
        with pytest.raises(InputError, match="nothing would rank"):
            replace(TASK, shortlist=shortlist, cross=cross)
        return
    fitting = replace(SHORT, task=replace(TASK, shortlist=shortlist, cross=cross))
    model = fit_ranking(desk_talks, tiny, fitting, pool=desk_pool, dev=desk_talks)
    model.save(tmp_path / "model")
    assert (tmp_path / "model" / "shortlist").is_dir() == (shortlist == "separate" and cross)
    assert (tmp_path / "model" / "head.safetensors").is_file() == cross
    loaded = load_ranking(tmp_path / "model")
    for name in ("task", "pool", "version", "weight", "confidence"):
        assert getattr(loaded, name) == getattr(model, name)
    plain = [json.dumps(to_json(dialogue)) for dialogue in model.annotate(desk_talks)]
    assert [json.dumps(to_json(dialogue)) for dialogue in loaded.annotate(desk_talks)] == plain
    assert loaded.evaluate(desk_talks, draws=2) == model.evaluate(desk_talks, draws=2)
    assert "ranking" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")


def test_statistics_of_responses_and_what_is_shown(model: RankingModel, desk_talks: list[Dialogue]) -> None:
    found = model.evaluate(desk_talks, draws=2)
    rows = {row["id"]: row for row in found["responses"]}
    assert sum(row["given"] for row in rows.values()) == 12
    assert all(row["given"] == row["right"] + row["missed"] for row in rows.values())
    assert sum(row["right"] for row in rows.values()) == pytest.approx(12 * found["recall@1"])
    assert sum(row["shown"] for row in rows.values()) == pytest.approx(16 * found["shown"])
    model.confidence = replace(model.confidence, threshold=1.1)
    nothing = model.evaluate(desk_talks, draws=2)
    assert (nothing["shown"], nothing["found"]) == (0, 0)
    answer = model.predict(desk_talks[0]).turns[0]
    assert answer.labels["response"] == ()
    assert len(answer.evidence["response"].alternatives) == 3
    assert not any(one.shown for one in model.rank(desk_talks[0]))


def test_no_more_than_the_shortlist_comes_back(model: RankingModel, desk_talks: list[Dialogue]) -> None:
    every = model.rank(desk_talks[0], 50)
    assert len(every) == 3
    assert model.rank(desk_talks[0], 1) == every[:1]
    assert [one.score for one in every] == sorted((one.score for one in every), reverse=True)


def test_the_profile_is_read_and_may_be_left_out(tiny: Encoder, desk_talks: list[Dialogue], desk_pool: Pool) -> None:
    for profile in (True, False):
        fitting = replace(SHORT, task=replace(TASK, profile=profile))
        model = fit_ranking(desk_talks, tiny, fitting, pool=desk_pool)
        asked = replace(desk_talks[0], turns=desk_talks[0].turns[:1])
        other = replace(asked, profile={"unseen key": "never said"})
        assert (model.rank(asked) == model.rank(other)) == (not profile)


def test_zero_shot_takes_the_head_of_pre_training(tiny: Encoder, desk_pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="brings no head of next_turn"):
        zero_shot(tiny, desk_pool)
    tiny.save(tmp_path / "adapted")
    head = class_head(tiny.dim, 2)
    write_heads(tmp_path / "adapted", head_weights({"next_turn": head}, tiny))
    adapted = Encoder.load(tmp_path / "adapted")
    model = zero_shot(adapted, desk_pool)
    assert model.cross is not None and torch.equal(model.cross.head.state_dict()["weight"], head.weight)
    assert len(model.rank(Dialogue("d", (Turn("customer", "my card"),)), 6)) == 6
    started = fit_ranking(
        [Dialogue("d", (Turn("customer", "hi"), Turn("agent", "sure hello"), Turn("agent", "refund done")))],
        adapted,
        SHORT,
        pool=desk_pool,
    )
    assert started.facts["heads_from_pretraining"] == ["next_turn"]


def test_without_labels_every_agent_turn_is_of_the_pool(tiny: Encoder, talks: list[Dialogue]) -> None:
    model = fit_ranking(talks, tiny, SHORT, dev=talks)
    assert (model.facts["annotated"], model.facts["typed"], len(model.pool)) == (8, 0, 8)
    assert model.evaluate(talks, draws=2)["not_in_pool"] == 0


def test_a_single_response_is_a_pool(tiny: Encoder, desk_talks: list[Dialogue]) -> None:
    pool = Pool.of([Response("card", "your card arrives on monday")], source="test")
    model = fit_ranking(desk_talks, tiny, SHORT, pool=pool)
    assert model.evaluate(desk_talks, draws=2)["recall@1"] == 1.0


def test_what_cannot_be_fitted_or_measured_says_why(
    tiny: Encoder, model: RankingModel, desk_talks: list[Dialogue], desk_pool: Pool
) -> None:
    silent = [Dialogue("c", (Turn("customer", "hi"), Turn("customer", "you there")))]
    with pytest.raises(CorpusError, match="agent"):
        fit_ranking(silent, tiny, FITTING, pool=desk_pool)
    with pytest.raises(CorpusError, match="agent"):
        fit_ranking(silent, tiny, FITTING)
    other = [Dialogue("o", (Turn("customer", "hi"), Turn("agent", "something else entirely")))]
    with pytest.raises(InputError, match="of 1 agents' turns none has a response of the pool"):
        model.evaluate(other)


def test_odd_dialogues_are_answered(model: RankingModel) -> None:
    assert len(model.rank(Dialogue("e", (Turn("customer", "😀😀"),)), 2)) == 2
    assert model.rank(Dialogue("same", (Turn("customer", "refund done"),)))[0].score > 0
    endless = Dialogue("long", (Turn("customer", "card " * 5_000),), profile={"never": "seen"})
    assert model.predict(endless).turns[0].evidence["response"].truncated
    assert len(model.rank(Dialogue("none", ()), 3)) == 3


def test_damaged_folders_are_refused(model: RankingModel, tmp_path: Path) -> None:
    model.save(tmp_path / "good")
    for name in ("head.safetensors", "responses.safetensors", "shortlist/model.safetensors"):
        place = tmp_path / name.replace("/", "_")
        shutil.copytree(tmp_path / "good", place)
        (place / name).write_bytes(b"x")
        with pytest.raises(ModelError, match="damaged"):
            load_ranking(place)
    path = tmp_path / "good" / "task.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for wrong in ({"parameters": {"speed": 9}}, {"pool": {"responses": [], "merged": {}, "repeated": 0}}):
        path.write_text(json.dumps(content | wrong), encoding="utf-8")
        with pytest.raises(ModelError, match="cannot be read as a model of ranking"):
            load_ranking(tmp_path / "good")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"negatives": 0}, "negatives is 0"),
        ({"top_k": 0}, "top_k is 0"),
        ({"pair_tokens": 7}, "pair_tokens is 7, expected at least 8"),
        ({"hard": 1.5}, "hard is 1.5"),
        ({"mix": -1.0}, "mix is -1"),
        ({"shortlist": "both"}, "shortlist is 'both'"),
        ({"pooling": "max"}, "pooling is 'max'"),
        ({"precision": 0.0}, "precision is 0"),
    ],
)
def test_values_out_of_range_are_named(values: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Ranking(**values)  # type: ignore[arg-type]


def test_parameters_are_plain_json() -> None:
    assert Ranking(**json.loads(json.dumps(asdict(TASK)))) == TASK


def test_the_published_settings_can_be_stated(checkpoint: Callable[[str], Path]) -> None:
    published = Ranking(batch_size=176, negatives=1, hard=0.0, mix=1.0, shortlist="none")
    assert published.pooling == "cls"
