"""The usual way to label slots: the same encoder, fine-tuned whole to tag tokens, by the Trainer of transformers."""

import tempfile
import time
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForTokenClassification, Trainer, TrainingArguments

from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.encoder import Encoder
from turnwise.tasks.slots.measure import measure_slots
from turnwise.tasks.slots.sentences import LAYER

_EPOCHS, _RATE, _BATCH = 30, 2e-4, 16


def fine_tuned(train: list[Dialogue], test: list[Dialogue], encoder: Encoder, seed: int) -> dict[str, Any]:
    """F1 and seconds; tags are B- and I- of each slot, a token's first slot where values overlap."""
    tokenizer = encoder.codec.tokenizer
    slots = sorted({span.label for d in train for span in d.turns[0].spans[LAYER]})
    kinds = ["O", *(f"{part}-{slot}" for slot in slots for part in "BI")]
    with tempfile.TemporaryDirectory() as folder:
        encoder.backbone.save_pretrained(folder)
        model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=len(kinds))
        start = time.perf_counter()
        arguments = TrainingArguments(
            folder,
            num_train_epochs=_EPOCHS,
            learning_rate=_RATE,
            per_device_train_batch_size=_BATCH,
            warmup_steps=10,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            seed=seed,
            use_cpu=True,
        )
        rows = [_row(d.turns[0], tokenizer, slots) for d in train]
        Trainer(model, arguments, train_dataset=rows, data_collator=lambda found: _padded(found, tokenizer)).train()  # type: ignore[arg-type]
    seconds = time.perf_counter() - start
    answered = _answered(test, model.eval(), tokenizer, kinds)
    figures = measure_slots(test, answered, draws=200, seed=0)
    return {key: figures[key] for key in ("n", "f1", "mean_f1", "precision", "recall", "labels", "intervals")} | {
        "seconds": seconds,
        "train": {"examples": len(train)},
    }


def _row(turn: Turn, tokenizer: Any, slots: list[str]) -> dict[str, Any]:
    found = tokenizer(turn.text, return_offsets_mapping=True, truncation=True)
    tags = np.zeros(len(found["input_ids"]), dtype=int)
    for span in turn.spans[LAYER]:
        places = [
            at for at, (a, b) in enumerate(found["offset_mapping"]) if a < span.end and b > span.start and not tags[at]
        ]
        for at in places:
            tags[at] = 1 + 2 * slots.index(span.label) + (at != places[0])
    return {"input_ids": found["input_ids"], "labels": tags.tolist()}


def _padded(rows: list[dict[str, Any]], tokenizer: Any) -> dict[str, torch.Tensor]:
    width = max(len(row["input_ids"]) for row in rows)
    ids = torch.full((len(rows), width), tokenizer.pad_token_id)
    labels = torch.full((len(rows), width), -100)
    for at, row in enumerate(rows):
        ids[at, : len(row["input_ids"])] = torch.tensor(row["input_ids"])
        labels[at, : len(row["labels"])] = torch.tensor(row["labels"])
    return {"input_ids": ids, "attention_mask": (ids != tokenizer.pad_token_id).long(), "labels": labels}


def _answered(test: list[Dialogue], model: Any, tokenizer: Any, kinds: list[str]) -> list[Dialogue]:
    found = []
    for at in range(0, len(test), 64):
        part = test[at : at + 64]
        given = tokenizer(
            [d.turns[0].text for d in part],
            return_offsets_mapping=True,
            padding=True,
            truncation=True,
            return_tensors="pt",
        )
        places = given.pop("offset_mapping").tolist()
        with torch.inference_mode():
            tags = model(**given).logits.argmax(2).tolist()
        for dialogue, row, own in zip(part, tags, places, strict=True):
            turn = dialogue.turns[0]
            spans = tuple(_spans(row, own, kinds))
            found.append(Dialogue(dialogue.id, (Turn(turn.speaker, turn.text, {LAYER: spans}),)))
    return found


def _spans(tags: list[int], places: list[list[int]], kinds: list[str]) -> list[Span]:
    spans: list[Span] = []
    open_ = False
    for tag, (start, end) in zip(tags, places, strict=True):
        kind = kinds[tag] if start < end else "O"
        label = kind[2:]
        if kind.startswith("I-") and open_ and spans[-1].label == label:
            spans[-1] = Span(spans[-1].start, end, label)
        elif kind != "O":
            spans.append(Span(start, end, label))
        open_ = kind != "O"
    return spans
