"""Engines that encode for selection and ranking: PyTorch, or exports for ONNX Runtime in fp32 or int8."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from turnwise.codec import Tokens
from turnwise.dialogue import Dialogue, utterance
from turnwise.errors import InputError, ModelError
from turnwise.files import atomic_folder
from turnwise.sequences import Composer
from turnwise.tasks.contexts import Context, agent_turns, tokens_of
from turnwise.tasks.dual import DualEncoder, best_columns
from turnwise.tasks.folder import digest
from turnwise.tasks.intent.engine import ENGINES, export_folder
from turnwise.tasks.ranking.model import RankingModel, load_ranking
from turnwise.tasks.ranking.task import Ranking
from turnwise.tasks.selection import SelectionModel, load_selection

if TYPE_CHECKING:
    from turnwise.runtime import Bounds, ExportFacts
    from turnwise.runtime.export import ExportPrecision

_SOURCE = "source.json"
_CHECKED = 100
"""Contexts on which an export is compared, at most."""
_BESIDE = 8
"""Responses that each is compared with by the cross-encoder."""

Model = SelectionModel | RankingModel


def load_responses(folder: Path, engine: str = "torch") -> Model:
    """The model of ``folder``; ``fp32`` and ``int8`` need its export, which ``turnwise export`` makes.

    Raises InputError for another engine, ModelError when the export is not there or of another model.
    """
    if engine not in ENGINES:
        raise InputError(f"the engine is {engine!r}, expected one of {', '.join(ENGINES)}")
    folder = Path(folder)
    model: Model = load_ranking(folder) if _is_ranking(folder) else load_selection(folder)
    if engine == "torch":
        return model
    from turnwise.runtime import Runtime

    place = export_folder(folder, engine)
    advice = f"turnwise export {folder} --precision {engine}"
    if not place.is_dir():
        raise ModelError(f"{folder} has no {engine} export; make it with: {advice}")
    if _source(place) != _weights(folder):
        raise ModelError(f"{place} was exported from another model; run: {advice}")
    if model.retriever is not None:
        model.retriever.dual.engine = Runtime.load(place / "dual").encode
    if isinstance(model, RankingModel) and model.cross is not None:
        model.cross.engine = Runtime.load(place / "cross").encode
    return model


def export_responses(
    folder: Path, precision: str, *, check: Sequence[Dialogue] = (), bounds: "Bounds | None" = None
) -> dict[str, "ExportFacts"]:
    """Export the encoders of a model folder beside it, as ``DIR.onnx-fp32`` or ``DIR.onnx-int8``.

    ``check`` are dialogues of the desk on which the exports are compared with torch; without them the pool's texts
    are taken for what customers say. Of the first choices one in ten may change at most, or what ``bounds`` say.
    Raises ExportError, with the figures, when an export answers too differently.
    """
    from turnwise.runtime import Bounds, TaskScore, export

    if precision not in ENGINES[1:]:
        raise InputError(f"the precision is {precision!r}, expected fp32 or int8")
    folder = Path(folder)
    model = load_responses(folder)
    kind: ExportPrecision = "fp32" if precision == "fp32" else "int8"
    bounds = bounds or (Bounds.of("fp32") if kind == "fp32" else Bounds(0.4, 0.1, 1.0))
    contexts = _contexts(model, check)
    found: dict[str, ExportFacts] = {}
    place = export_folder(folder, precision)
    with atomic_folder(place, marks=(_SOURCE,)) as temporary:
        dual = None if model.retriever is None else model.retriever.dual
        if dual is not None:
            rows = [tokens_of(context.row(Composer(dual.encoder.codec))) for context in contexts]

            def chosen(encode: Any) -> TaskScore:
                own = DualEncoder(dual.encoder)
                own.engine = encode
                best = best_columns(own.contexts(contexts) @ own.responses(model.pool.texts).T, 1)[:, 0]
                return TaskScore("first choices", 1.0, tuple(str(at) for at in best.tolist()))

            found["dual"] = export(
                dual.encoder,
                temporary / "dual",
                check_texts=rows,
                precision=kind,
                segmented=dual.encoder.codec.layout.segments == "speaker",
                bounds=bounds,
                task_check=chosen,
            )
        if isinstance(model, RankingModel) and model.cross is not None:
            cross, pairs = model.cross, _pairs(model, contexts)

            def ranked(encode: Any) -> TaskScore:
                cross.engine = encode
                scores = cross.logits(pairs).reshape(len(contexts), -1)
                cross.engine = None
                return TaskScore("first choices", 1.0, tuple(str(at) for at in scores.argmax(1).tolist()))

            found["cross"] = export(
                model.encoder,
                temporary / "cross",
                check_texts=pairs[:: max(1, len(pairs) // _CHECKED)],
                precision=kind,
                pooling=cross.pooling,
                segmented=True,
                bounds=bounds,
                task_check=ranked,
            )
        (temporary / _SOURCE).write_text(json.dumps({"weights": _weights(folder)}) + "\n", encoding="utf-8")
    return found


def _contexts(model: Model, check: Sequence[Dialogue]) -> list[Context]:
    if check:
        found = model.contexts(list(check), agent_turns)
    else:
        said = [utterance(text) for text in model.pool.texts]
        found = model.contexts(said, lambda dialogue: [len(dialogue.turns)])
    if not found:
        raise InputError('the dialogues to check on have no turn of the speaker "agent" that answers something')
    return found[:: -(-len(found) // _CHECKED)]


def _pairs(model: RankingModel, contexts: Sequence[Context]) -> list[Tokens]:
    """Each context with some responses of the pool, other ones for each."""
    composer = model.task.composer(model.encoder.codec)
    rng = np.random.default_rng(0)
    ids = model.encoder.codec.plain_ids(model.pool.texts)
    number = min(_BESIDE, len(ids))
    return [
        tokens_of(context.row(composer, np.array(ids[at], dtype=np.int32)))
        for context in contexts
        for at in rng.choice(len(ids), number, replace=False).tolist()
    ]


def _is_ranking(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "task.json").read_text(encoding="utf-8"))["task"] == Ranking.name)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _weights(folder: Path) -> dict[str, str]:
    """What an export must belong to: the weights of both encoders."""
    places = ("encoder/model.safetensors", "shortlist/model.safetensors")
    return {name: digest(folder / name) for name in places if (folder / name).is_file()}


def _source(place: Path) -> object:
    try:
        return json.loads((place / _SOURCE).read_text(encoding="utf-8")).get("weights")
    except (OSError, ValueError, AttributeError):
        return None
