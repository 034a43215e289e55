"""Pairwise cloze from a folder of pairs: a span decoder over an encoder that stays as it is, or that learns too."""

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from accelerate.tracking import GeneralTracker

from turnwise.encoder import Encoder
from turnwise.errors import RecipeError
from turnwise.evaluation import Scores
from turnwise.objectives.cloze_pairs import ClozePairs, read_pairs
from turnwise.objectives.pairwise_cloze import ClozeHead, PairwiseCloze
from turnwise.parts import Part
from turnwise.pretrained_decoder import PretrainedDecoder, encoder_hash, save_decoder
from turnwise.pretraining import Pretraining
from turnwise.pretraining_run import learn, processes
from turnwise.progress import ends
from turnwise.training import Step, Training

DEFAULT_RECIPE = "pairwise-cloze"


@dataclass(frozen=True)
class TrainedDecoder:
    """A decoder, and the encoder that learned beside it; None when that stayed as it was."""

    decoder: PretrainedDecoder
    encoder: Encoder | None

    def save(self, folder: Path) -> None:
        """Write a decoder folder, atomically; the encoder lies in it, as ``encoder``."""
        save_decoder(self.decoder, folder, encoder=self.encoder)


def pretrain_decoder(
    pairs: Path,
    encoder: Encoder,
    recipe: Pretraining,
    *,
    work: Path | None = None,
    logs: tuple[GeneralTracker, ...] = (),
    on_step: Callable[[Step], None] | None = None,
    on_scores: Callable[[Scores], None] | None = None,
    on_sentences: Callable[[int, int], None] | None = None,
) -> TrainedDecoder:
    """Train a decoder on ``pairs/train.parquet``, measured on ``pairs/test.parquet`` where that has pairs.

    ``encoder`` is left as it was: where the recipe says ``frozen = false``, a copy of it learns. With ``work``, a
    folder, checkpoints are written, and a run that was cut off goes on from the last one and ends as if it had not
    been.
    Raises RecipeError for a recipe of other objectives, InputError and CorpusError when there are no pairs, ModelError
    when ``work`` holds another run.
    """
    state = processes()
    objective = _objective(recipe)
    frozen = recipe.training.frozen
    own = Encoder(copy.deepcopy(encoder.backbone), copy.copy(encoder.codec), encoder.name)
    own.layers = objective.layers
    limit = own.codec.max_tokens
    own.codec.max_tokens = min(limit, recipe.input.max_tokens)
    with state.main_process_first():
        train = read_pairs(pairs / "train.parquet", own.codec, progress=on_sentences)
        test = _held_out(pairs / "test.parquet", own)
    torch.manual_seed(recipe.training.seed)
    head = objective.head(own, train)
    assert isinstance(head, ClozeHead)
    part = Part(objective, train, head, recipe.objectives[0][1])
    dev = [] if test is None else [Part(objective, test, head)]
    training = Training(own, [part], recipe.training)
    progress = learn(training, dev, recipe.evaluation, work, logs=logs, on_step=on_step, on_scores=on_scores)
    own.codec.max_tokens = limit
    own.layers = ()
    own.requires_grad_(True)
    facts = {
        "base": encoder.name,
        "frozen": frozen,
        "objectives": {objective.name: asdict(objective)},
        "training": asdict(recipe.training),
        "max_tokens": recipe.input.max_tokens,
        "pairs": len(train),
        "pairs_left_out": train.left_out,
        "sentences": len(train.sentences),
        "steps": progress.best_step or training.done,
        "loss": {name: ends(values) for name, values in progress.losses.items()},
        "dev": {"pairs": 0 if test is None else len(test), "before": progress.before, "after": progress.scores},
    }
    decoder = PretrainedDecoder(
        head.decoder.cpu().eval(),
        objective.layers,
        str(own.codec.tokenizer.convert_ids_to_tokens(train.blank)),
        encoder.name if frozen else "encoder",
        encoder_hash(own),
        facts,
    )
    return TrainedDecoder(decoder, None if frozen else own.cpu().eval())


def _objective(recipe: Pretraining) -> PairwiseCloze:
    """The one objective that learns from pairs."""
    names = [*(part.name for part, _ in recipe.objectives), *(rider.name for rider, _ in recipe.riders)]
    objective = recipe.objectives[0][0]
    if names != [PairwiseCloze.name] or not isinstance(objective, PairwiseCloze):
        raise RecipeError(
            f"the recipe has {', '.join(names)}; from pairs learns {PairwiseCloze.name} alone. Take the recipe "
            f"{DEFAULT_RECIPE}, or give dialogues"
        )
    if recipe.training.frozen and objective.auxiliary and objective.contrast == "states":
        raise RecipeError(
            'contrast is "states" and frozen is true: a frozen encoder has nothing to learn from it; take '
            'contrast = "projections", auxiliary = 0.0 or frozen = false'
        )
    return objective


def _held_out(path: Path, encoder: Encoder) -> ClozePairs | None:
    """Test pairs; None when there are none."""
    found = read_pairs(path, encoder.codec, least=0) if path.is_file() else ()
    return found if isinstance(found, ClozePairs) and len(found) > 1 else None
