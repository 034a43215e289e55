"""Short runs of the loop, for tests that need a process of their own: ``python runs.py SPEC.json``."""

import json
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder
from turnwise.layout import Layout
from turnwise.objectives import MaskedLM, MaskedSpeaker, NextTurn, ResponseMatching, ResponseRanking, SpeakerPrediction
from turnwise.objectives.objective import Objective
from turnwise.parts import Part, Ride
from turnwise.pretraining import Adapted, Held, Input, Pretraining, pretrain
from turnwise.store import TurnStore
from turnwise.training import Settings, Training

OBJECTIVES: dict[str, Any] = {
    "next_turn": NextTurn(batch_size=4),
    "speaker": SpeakerPrediction(batch_size=8),
    "response_matching": ResponseMatching(batch_size=4),
    "response_ranking": ResponseRanking(batch_size=4, limit=24),
}
_TEXT = (
    "my card has not come yet where is it i want to cancel the order please help your parcel arrives on monday we have "
    "stopped that refund money back sure hello thank you for waiting can change address done"
)


def dialogues(number: int, seed: int = 0, most: int = 6) -> list[Dialogue]:
    """Invented dialogues of 2 to ``most`` turns, the customer first."""
    rng = random.Random(seed)
    return [
        Dialogue(
            f"test:{at}",
            tuple(
                Turn("agent" if turn % 2 else "customer", " ".join(rng.choices(_TEXT.split(), k=rng.randint(1, 7))))
                for turn in range(rng.randint(2, most))
            ),
        )
        for at in range(number)
    ]


def loaded(folder: Path, *, dropout: bool = True) -> Encoder:
    """The encoder with speaker tokens."""
    encoder = Encoder.load(folder)
    encoder.use_layout(Layout("tod", "speaker"))
    for layer in encoder.modules():
        if isinstance(layer, nn.Dropout) and not dropout:
            layer.p = 0.0
    return encoder


def mixture(encoder: Encoder, names: Sequence[str], *, riders: bool = False, number: int = 12) -> list[Part]:
    """Parts over the same dialogues; with ``riders``, masked words and speakers on the first."""
    torch.manual_seed(7)
    store = TurnStore.of(dialogues(number), encoder.codec)
    parts = []
    for name in names:
        objective: Objective = OBJECTIVES[name]
        examples = objective.examples(store, encoder.codec)  # type: ignore[attr-defined]
        parts.append(Part(objective, examples, objective.head(encoder, examples), 0.5 if parts else 1.0))
    if riders:
        rides = tuple(Ride(rider, rider.head(encoder), 0.7) for rider in (MaskedLM(), MaskedSpeaker()))
        parts[0] = replace(parts[0], rides=rides)
    return parts


def training(folder: Path, names: Sequence[str], values: dict[str, Any], *, riders: bool, dropout: bool) -> Training:
    """A run that has not begun."""
    encoder = loaded(folder, dropout=dropout)
    settings = Settings(**{"learning_rate": 1e-3, "precision": "fp32", "steps": 6, **values})
    return Training(encoder, mixture(encoder, names, riders=riders), settings)


def finished(run: Training) -> dict[str, torch.Tensor]:
    """The weights after the last step."""
    for _ in run:
        pass
    return weights(run)


def weights(run: Training) -> dict[str, torch.Tensor]:
    """The weights as they are."""
    return {name: value.detach().clone() for name, value in run.model.state_dict().items()}


def pretrained(folder: Path, work: Path | None, **values: Any) -> Adapted:
    """Further pre-training on 24 dialogues, every fourth held out, without dropout."""
    recipe = Pretraining(
        ((NextTurn(batch_size=4), 1.0), (OBJECTIVES["response_matching"], 0.5)),
        ((MaskedLM(), 1.0),),
        Settings(**{"steps": 6, "learning_rate": 1e-3, "precision": "fp32", **values}),
        Input(max_tokens=40, format="tod"),
        Held(share=0.25, every=2, checkpoint=2),
    )
    encoder = loaded(folder, dropout=False)
    return pretrain(dialogues(24, most=2), encoder, recipe, work=work)


def _main(spec: dict[str, Any]) -> None:
    """Do the runs of a specification one after another; ``kill`` is (step, signal), in the middle of a save or not."""
    if spec.get("work"):
        adapted = pretrained(Path(spec["encoder"]), Path(spec["work"]))
        out = Path(spec["work"]) / f"weights-{os.environ['RANK']}.safetensors"
        save_file(dict(adapted.encoder.backbone.state_dict()), out)
        out.with_suffix(".json").write_text(json.dumps(adapted.facts))
    for one in spec["runs"]:
        run = training(
            Path(spec["encoder"]), one["names"], one.get("values", {}), riders=one["riders"], dropout=one["dropout"]
        )
        kill = one.get("kill")
        losses = []
        for step in run:
            losses.append(dict(step.losses))
            if kill and step.index == kill["step"]:
                if kill["saving"]:
                    _die_while_saving(kill["signal"])
                    run.save(Path(one["checkpoint"]))
                os.kill(os.getpid(), kill["signal"])
            if one.get("checkpoint") and step.index % 2 == 0:
                run.save(Path(one["checkpoint"]))
        if run.accelerator.is_main_process:
            out = Path(one["out"])
            save_file({k: v for k, v in weights(run).items() if "embeddings.bias" not in k}, out)
            out.with_suffix(".json").write_text(json.dumps(losses))


def _die_while_saving(signal: int) -> None:
    import turnwise.checkpoint as module

    write = module.save_file

    def cut_off(tensors: dict[str, torch.Tensor], path: Path) -> None:
        write(tensors, path)
        if "optimizer" in Path(path).name:
            with Path(path).open("r+b") as file:
                file.truncate(1000)
            os.kill(os.getpid(), signal)

    module.save_file = cut_off


if __name__ == "__main__":
    _main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
