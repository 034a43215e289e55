"""What the cells of slots.py do: measure a labeller, SNIPS episodes, peers, speed."""

import copy
import hashlib
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import nn

import _cells
from _slot_episodes import episodes
from _task_data import read
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.files import atomic_file
from turnwise.pretrained_decoder import encoder_hash
from turnwise.tasks.pii.measure import measure_spans
from turnwise.tasks.slots.fit import fit_slots
from turnwise.tasks.slots.fit import start as begun
from turnwise.tasks.slots.measure import measure_slots
from turnwise.tasks.slots.model import SlotModel
from turnwise.tasks.slots.pretune import by_name, pretune
from turnwise.tasks.slots.recipe import PRETUNING, SlotsFitting, slots_recipe
from turnwise.tasks.slots.sentences import LAYER, sentences
from turnwise.tasks.slots.stack import Stack
from turnwise.tasks.slots.states import encode

_KEPT = ("n", "f1", "mean_f1", "ceiling", "precision", "recall", "labels", "intervals")
_read: dict[tuple[int, tuple[int, ...], bool], Any] = {}
"""The states of test sentences, for several cells."""
_BEGUN = Path("runs/slots")
_SNIPS = "snips:snips/seq@train"
NAMED = "slots-named"
"""The recipe of SNIPS episodes."""
DEV_FOLDS = {4: "RateBook", 5: "SearchScreeningEvent"}
"""The domains whose published episodes are not at hand: others are drawn, to choose by."""


def measured(model: SlotModel, test: list[Dialogue], draws: int = 200) -> dict[str, Any]:
    """The figures of a labeller."""
    key = (len(test), *model.encoder.layers, model.whole, test[0].id, test[-1].id)
    if key not in _read:
        found = sentences(test, model.encoder.codec, whole=model.whole, gold=False)
        _read[key] = found, encode(found, model.encoder, model.encoder.codec, half=True)
    figures = measure_slots(test, model.filled(test, *_read[key]), draws=draws, seed=0)
    return {key: figures[key] for key in _KEPT}


def snips(cell: str, seed: int, encoder: Encoder, output: Path, folds: Mapping[int, str], on: str) -> None:
    """Episodes FROM up to TO of a fold; each is a cell of its own."""
    _, fold, between = cell.split("/")
    first, last = (int(number) for number in between.split("-"))
    name = f"{on}/default/snips/{fold}"
    wanted = [at for at in range(first, last) if f"{name}/{at}" not in _cells.read(output)]
    if not wanted:
        return
    recipe = slots_recipe(NAMED, {"training": {"seed": seed}})
    domain, support, query = _asked(fold, folds, on, last)
    start = time.perf_counter()
    begin = before_snips(domain, recipe, encoder)
    print(f"the other domains took {time.perf_counter() - start:.0f} s", flush=True)
    for at in wanted:
        _cells.compute(output, f"{name}/{at}", lambda at=at: _episode(at, support, query, recipe, encoder, begin))


def _episode(
    at: int,
    support: Sequence[Dialogue],
    query: Sequence[Dialogue],
    recipe: SlotsFitting,
    encoder: Encoder,
    begin: Stack,
) -> dict[str, Any]:
    """Fit to the support of an episode, measure its queries."""
    start = time.perf_counter()
    model = fit_slots([d for d in support if d.labels["episode"] == at], encoder, recipe, begin=begin)
    asked = [d for d in query if d.labels["episode"] == at]
    figures = measure_spans(asked, list(model.annotate(asked)), LAYER, draws=1, seed=0)
    return {key: figures[key] for key in ("f1", "precision", "recall")} | {"seconds": time.perf_counter() - start}


def episode_seconds(
    fold: str, seed: int, encoder: Encoder, folds: Mapping[int, str], number: int = 5
) -> dict[str, Any]:
    """What the first episodes of a fold take, fit and answers, one after the other; not the decoder before."""
    recipe = slots_recipe(NAMED, {"training": {"seed": seed}})
    domain, support, query = _asked(fold, folds, "test", number)
    begin = before_snips(domain, recipe, encoder)
    taken = [_episode(at, support, query, recipe, encoder, begin)["seconds"] for at in range(number)]
    return {"seconds": statistics.median(taken), "slowest": max(taken), "episodes": number, "domain": domain}


def by_names(fold: str, seed: int, encoder: Encoder, folds: Mapping[int, str], on: str) -> dict[str, Any]:
    """The queries of 100 episodes of a fold, asked by what the slots are called; no example of theirs is shown."""
    recipe = slots_recipe(NAMED, {"training": {"seed": seed}})
    domain, support, query = _asked(fold, folds, on, 100)
    slots = sorted({span.label for dialogue in support for span in dialogue.turns[0].spans[LAYER]})
    model = by_name(before_snips(domain, recipe, encoder), encoder, recipe.slots, {slot: slot for slot in slots})
    parts: dict[Any, list[tuple[Dialogue, Dialogue]]] = {}
    for asked, answered in zip(query, model.annotate(query), strict=True):
        parts.setdefault(asked.labels["episode"], []).append((asked, answered))
    found = []
    for pairs in parts.values():
        gold, answers = zip(*pairs, strict=True)
        found.append(measure_spans(gold, answers, LAYER, draws=1, seed=0)["f1"])
    return {"f1": statistics.mean(found), "episodes": len(found), "slots": slots}


def _asked(fold: str, folds: Mapping[int, str], on: str, number: int) -> tuple[str, list[Dialogue], list[Dialogue]]:
    """The domain of a fold, supports and queries of its episodes: the published ones, of dev as many as are drawn."""
    if on == "dev":
        domain = DEV_FOLDS[int(fold)]
        return domain, *_drawn(domain, number)
    return folds[int(fold)], *_published(fold)


def _published(fold: str) -> tuple[list[Dialogue], list[Dialogue]]:
    place = "snips_episodes:snips_5shot_episodes/xval_snips_shot_5"
    return read(f"{place}@{fold}_support"), read(f"{place}@{fold}_query")


def _drawn(domain: str, number: int) -> tuple[list[Dialogue], list[Dialogue]]:
    found = episodes(_of_domain(domain), number)
    return [d for part in found[::2] for d in part], [d for part in found[1::2] for d in part]


def before_snips(domain: str, recipe: SlotsFitting, encoder: Encoder) -> Stack:
    """The decoder trained on the slots of all domains but one, kept under runs/ for the next call."""
    training = replace(PRETUNING, seed=recipe.training.seed)
    made = hashlib.sha256(f"{domain} {recipe.slots} {training} {encoder_hash(encoder)}".encode()).hexdigest()
    path = _BEGUN / f"{domain}-{made[:16]}.safetensors"
    if path.is_file():
        _, stack = begun(recipe.slots, encoder, training.seed)
        stack.load_state_dict(load_file(path))
        return stack.eval()
    others = sorted({_intent(dialogue) for dialogue in read(_SNIPS)} - {domain})
    stack = pretune([_of_domain(other) for other in others], encoder, recipe.slots, training)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        save_file(stack.state_dict(), temporary)
    return stack


def _of_domain(domain: str) -> list[Dialogue]:
    return [dialogue for dialogue in read(_SNIPS) if _intent(dialogue) == domain]


def _intent(dialogue: Dialogue) -> str:
    found = dialogue.turns[0].labels["intent"]
    assert isinstance(found, tuple)
    return str(found[0])


def zero(test: list[Dialogue], recipe: SlotsFitting, encoder: Encoder) -> dict[str, Any]:
    """One value a sentence from the decoder as it is; how often there is one, and of which slot (ConVEx, figure 5)."""
    from turnwise.tasks.slots.extract import extract

    spans = extract([dialogue.turns[0].text for dialogue in test], encoder, recipe.slots)
    slots: Counter[str] = Counter()
    marked = Counter(span.label for dialogue in test for span in dialogue.turns[0].spans[LAYER])
    for dialogue, found in zip(test, spans, strict=True):
        gold = dialogue.turns[0].spans[LAYER]
        slots.update({span.label for span in gold if found is not None and (span.start, span.end) == found[:2]})
    texts = Counter(
        d.turns[0].text[found[0] : found[1]].lower()
        for d, found in zip(test, spans, strict=True)
        if found is not None and all((s.start, s.end) != found[:2] for s in d.turns[0].spans[LAYER])
    )
    answered = sum(found is not None for found in spans)
    right = sum(
        found is not None and any((s.start, s.end) == found[:2] for s in d.turns[0].spans[LAYER])
        for d, found in zip(test, spans, strict=True)
    )
    return {
        "answered": answered / len(test),
        "right": right / max(1, answered),
        "recall": {slot: slots[slot] / number for slot, number in sorted(marked.items())},
        "frequent": [text for text, _ in texts.most_common(10)],
    }


def scratch(train: Sequence[Dialogue], recipe: SlotsFitting, encoder: Encoder) -> SlotModel:
    """A CNN and CRF from nothing over the same states."""
    from _slot_scratch import fit_scratch

    return fit_scratch(train, recipe, encoder)


def trainer(train: list[Dialogue], test: list[Dialogue], encoder: Encoder, seed: int) -> dict[str, Any]:
    """The usual way: the same encoder fine-tuned to tag tokens by transformers' Trainer."""
    from _slot_trainer import fine_tuned

    return fine_tuned(train, test, encoder, seed)


def speed(size: int, recipe: SlotsFitting, encoder: Encoder) -> dict[str, Any]:
    """Seconds to fit; what labelling costs beside the encoder alone, and with one decoder a slot run in turn."""
    numbers = {8198: 0, 4099: 1, 2049: 2, 1024: 3, 512: 4, 256: 5, 128: 6, 64: 7}
    train = read(f"restaurants8k:restaurants8k@train_{numbers[size]}")
    start = time.perf_counter()
    model = fit_slots(train, encoder, recipe)
    fitted = time.perf_counter() - start
    texts = read("restaurants8k:restaurants8k@train_4")
    found = sentences(texts, encoder.codec, whole=model.whole, gold=False)
    whole = copy.copy(encoder)
    alone, _ = _seconds(lambda: encode(found, whole, encoder.codec))
    reading, states = _seconds(lambda: encode(found, model.encoder, encoder.codec))
    together, _ = _seconds(lambda: model.answers(found, states))
    parts = [_only(model, number) for number in range(len(model.labels))]
    in_turn, _ = _seconds(lambda: [part.answers(found, states) for part in parts])
    return {
        "seconds": fitted,
        "encoder_seconds": alone,
        "reading_seconds": reading,
        "decoders_seconds": together,
        "in_turn_seconds": in_turn,
        "cost": (reading + together) / alone,
        "in_turn_cost": (len(parts) * reading + in_turn) / alone,
        "sentences": len(found),
    }


def _seconds(run: Any, times: int = 3) -> tuple[float, Any]:
    found, best = None, float("inf")
    for _ in range(times):
        start = time.perf_counter()
        found = run()
        best = min(best, time.perf_counter() - start)
    return best, found


def _only(model: SlotModel, number: int) -> SlotModel:
    """The labeller of one slot."""
    part = copy.copy(model)
    part.labels = (model.labels[number],)
    part.stack = copy.deepcopy(model.stack)
    rows = [member * len(model.labels) + number for member in range(model.slots.members)]
    part.stack.decoders = len(rows)
    for name, value in model.stack.own.items():
        part.stack.own[name] = nn.Parameter(value.detach()[rows])
    return part
