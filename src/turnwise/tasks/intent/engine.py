"""Engines that encode for a detector: PyTorch, or an export for ONNX Runtime in fp32 or int8."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnwise.errors import InputError, ModelError
from turnwise.tasks.folder import digest
from turnwise.tasks.intent.examples import Utterance
from turnwise.tasks.intent.model import IntentModel
from turnwise.tasks.intent.projection import project

if TYPE_CHECKING:
    from turnwise.runtime import ExportFacts

ENGINES = ("torch", "fp32", "int8")
_CHECK_TEXTS = 1000


def load_with(folder: Path, engine: str = "torch") -> IntentModel:
    """The model of ``folder``; ``fp32`` and ``int8`` need its export, which ``turnwise export`` makes.

    Raises InputError for another engine, ModelError when the export is not there or of another encoder.
    """
    if engine not in ENGINES:
        raise InputError(f"the engine is {engine!r}, expected one of {', '.join(ENGINES)}")
    folder = Path(folder)
    model = IntentModel.load(folder)
    if engine != "torch":
        from turnwise.runtime import Runtime

        place = export_folder(folder, engine)
        if not place.is_dir():
            raise ModelError(
                f"{folder} has no {engine} export; make it with: turnwise export {folder} --precision {engine}"
            )
        if _source(place) != _weights(folder):
            raise ModelError(
                f"{place} was exported from another encoder; run: turnwise export {folder} --precision {engine}"
            )
        model.engine = Runtime.load(place).encode
    return model


def export_model(folder: Path, precision: str, *, check: Sequence[Utterance] = ()) -> "ExportFacts":
    """Export the encoder of a model folder beside it, as ``DIR.onnx-fp32`` or ``DIR.onnx-int8``.

    ``check`` are labelled utterances on which the accuracy may fall by 0.3 points at most; without them the bank's
    texts are compared and no more than one answer in twenty may change.
    Raises ExportError, with the figures, when the export answers too differently.
    """
    from turnwise.runtime import TaskScore, export

    if precision not in ENGINES[1:]:
        raise InputError(f"the precision is {precision!r}, expected fp32 or int8")
    folder = Path(folder)
    model = IntentModel.load(folder)
    texts = [u.text for u in check] or [text for text in model.bank.texts if text.strip()][:_CHECK_TEXTS]

    def score(encode: Any) -> TaskScore:
        vectors = project(encode(texts), None)
        names = [model.labels[column] for column in model.scores(vectors)[:, : len(model.labels)].argmax(1)]
        right = [name in u.labels for name, u in zip(names, check, strict=True)] if check else [True]
        return TaskScore("accuracy", sum(right) / len(right), tuple(names))

    place = export_folder(folder, precision)
    facts = export(
        model.encoder,
        place,
        check_texts=texts,
        precision="fp32" if precision == "fp32" else "int8",
        projection=model.projection,
        task_check=score,
    )
    (place / "source.json").write_text(json.dumps({"weights": _weights(folder)}) + "\n", encoding="utf-8")
    return facts


def export_folder(folder: Path, precision: str) -> Path:
    """Where the export of a model folder lies: beside it, so that changing the bank leaves it alone."""
    folder = Path(folder)
    folder = folder.resolve() if folder.name in ("", "..") else folder
    return folder.with_name(f"{folder.name}.onnx-{precision}")


def best_engine(folder: Path) -> str:
    """int8 or fp32 when the folder has such an export, else torch."""
    return next((engine for engine in ("int8", "fp32") if export_folder(folder, engine).is_dir()), "torch")


def _weights(folder: Path) -> str:
    """What an export must belong to: the encoder's weights (a projection is trained with them)."""
    return digest(folder / "encoder" / "model.safetensors")


def _source(place: Path) -> str | None:
    try:
        value = json.loads((place / "source.json").read_text(encoding="utf-8")).get("weights")
    except (OSError, ValueError, AttributeError):
        return None
    return value if isinstance(value, str) else None
