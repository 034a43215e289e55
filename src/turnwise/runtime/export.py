"""Write an encoder as an ONNX folder, measured against torch before anyone can load it."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from turnwise.codec import Codec, Encoding, Tokens
from turnwise.encoder import Encoder
from turnwise.errors import ExportError, InputError
from turnwise.files import atomic_folder
from turnwise.lengths import length_batches
from turnwise.objectives.objective import Pooling
from turnwise.runtime.graph import OPSET, Pooled, fuse, write_fp32, write_int8
from turnwise.runtime.session import FACTS_FILE, FORMAT, MODEL_FILE, Runtime
from turnwise.vectors import unit

Encode = Callable[[Sequence[Any]], NDArray[np.float32]]
"""Texts, or sequences of ids as Tokens, to vectors."""
ExportPrecision = Literal["fp32", "int8"]
_SMOOTHING_TEXTS = 256
_SMOOTHING_BATCH_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class TaskScore:
    """How a task fares with one way to encode: the ``metric``'s name and ``value`` in [0, 1], and each text's label."""

    metric: str
    value: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an export may change, at most.

    ``difference``: largest distance between the unit vectors of a text, |u - v|, in [0, 2].
    ``labels``: share of the task's labels that differ. ``metric``: loss of the task's metric, as a fraction.
    """

    difference: float
    labels: float = 0.0
    metric: float = 0.0

    @classmethod
    def of(cls, precision: ExportPrecision) -> "Bounds":
        """The default: fp32 answers as torch does; int8 may lose 0.3 points."""
        return cls(1e-3, 0.002, 0.001) if precision == "fp32" else cls(0.25, 0.05, 0.003)


@dataclass(frozen=True, slots=True)
class ExportFacts:
    """What was measured when a folder was written; ``export.json`` holds it.

    ``largest_difference`` and ``smallest_cosine`` compare the vectors of the ``texts`` check texts with torch's.
    ``task`` is None without a task check, else metric, before, after and labels_changed. ``files`` maps each file
    to its SHA-256. ``pooling`` is inside the graph; ``segmented``: it reads segments.
    """

    format: int
    precision: ExportPrecision
    opset: int
    dim: int
    max_tokens: int
    segments: bool
    texts: int
    largest_difference: float
    smallest_cosine: float
    task: dict[str, str | float] | None
    files: dict[str, str]
    pooling: Pooling = "mean"
    segmented: bool = False


def export(
    encoder: Encoder,
    folder: Path,
    *,
    check_texts: Sequence[str] | Sequence[Tokens],
    precision: ExportPrecision = "int8",
    projection: nn.Module | None = None,
    pooling: Pooling = "mean",
    segmented: bool = False,
    bounds: Bounds | None = None,
    task_check: Callable[[Encode], TaskScore] | None = None,
) -> ExportFacts:
    """Write ``model.onnx``, the tokenizer and ``export.json`` to ``folder``, or refuse.

    ``projection`` maps (batch, dim) to (batch, other) after the ``pooling`` over tokens. ``check_texts`` should be
    real texts of the domain, or sequences of ids: int8 is tuned to them. ``segmented``: sequences have segments.
    ``task_check`` is called twice, with torch's encode and with the exported one, and tells how the task fares with
    it. ``bounds`` defaults to ``Bounds.of(precision)``.

    Raises ExportError, with the figures, when the export leaves the bounds (``folder`` is then as it was before),
    InputError without check texts, MissingExtraError without the extra ``runtime``.
    """
    if not check_texts:
        raise InputError("check_texts is empty; give some texts of the domain to compare the export on")
    pooled = Pooled(encoder, projection, pooling=pooling, segmented=segmented).eval()
    before = _torch_encode(pooled)
    bounds = bounds or Bounds.of(precision)
    with atomic_folder(Path(folder), marks=(FACTS_FILE,)) as temporary:
        _write_graph(pooled, temporary / MODEL_FILE, precision, check_texts)
        encoder.codec.tokenizer.save_pretrained(temporary)
        facts = ExportFacts(
            format=FORMAT,
            precision=precision,
            opset=OPSET,
            dim=before(check_texts[:1]).shape[1],
            max_tokens=encoder.codec.max_tokens,
            segments=encoder.codec.segments,
            texts=len(check_texts),
            largest_difference=0.0,
            smallest_cosine=1.0,
            task=None,
            files={
                p.relative_to(temporary).as_posix(): _sha256(p) for p in sorted(temporary.rglob("*")) if p.is_file()
            },
            pooling=pooling,
            segmented=pooled.segmented,
        )
        (temporary / FACTS_FILE).write_text(_json(facts), encoding="utf-8")
        after = Runtime.load(temporary).encode
        difference, cosine = compare(before(check_texts), after(check_texts))
        task = None if task_check is None else _task_facts(task_check(before), task_check(after))
        facts = ExportFacts(
            **{**asdict(facts), "largest_difference": difference, "smallest_cosine": cosine, "task": task}
        )
        _refuse_outside(bounds, facts, Path(folder))
        (temporary / FACTS_FILE).write_text(_json(facts), encoding="utf-8")
    return facts


def compare(left: NDArray[np.float32], right: NDArray[np.float32]) -> tuple[float, float]:
    """Largest distance and smallest cosine between unit vectors, row by row of (texts, dim); NaN counts as worst."""
    u, v = unit(left), unit(right)
    distance = np.nan_to_num(np.linalg.norm(u - v, axis=1), nan=2.0)
    cosine = np.nan_to_num((u * v).sum(axis=1), nan=-1.0)
    return float(distance.max()), float(cosine.min())


def _write_graph(
    pooled: Pooled, path: Path, precision: ExportPrecision, texts: Sequence[str] | Sequence[Tokens]
) -> None:
    plain = path.with_name("plain.onnx")
    write_fp32(pooled, plain)
    if precision == "int8":
        write_int8(plain, path, _spread(pooled.encoder.codec, texts))
        plain.unlink()
    else:
        plain.rename(path)
    fuse(path, pooled.encoder.backbone.config)


def _spread(codec: Codec, texts: Sequence[str] | Sequence[Tokens]) -> list[Encoding]:
    """Some of the texts, at equal distances, in batches of like length."""
    tokens = _tokens(codec, texts[:: -(-len(texts) // _SMOOTHING_TEXTS)])
    batches = length_batches([len(t.ids) for t in tokens], _SMOOTHING_BATCH_TOKENS)
    return [codec.batch([tokens[row] for row in rows]) for rows in batches]


def _tokens(codec: Codec, texts: Sequence[str] | Sequence[Tokens]) -> list[Tokens]:
    found = [text for text in texts if isinstance(text, Tokens)]
    return found if found else codec.tokenise([text for text in texts if isinstance(text, str)])


def _torch_encode(pooled: Pooled) -> Encode:
    codec, device = pooled.encoder.codec, pooled.encoder.device

    def encode(texts: Sequence[str] | Sequence[Tokens]) -> NDArray[np.float32]:
        tokens = _tokens(codec, texts)
        parts: dict[int, NDArray[np.float32]] = {}
        with torch.inference_mode():
            for rows in length_batches([len(t.ids) for t in tokens], _SMOOTHING_BATCH_TOKENS):
                batch = codec.batch([tokens[row] for row in rows]).to(device)
                parts |= zip(rows, pooled(**pooled.inputs(batch)).cpu().numpy(), strict=True)
        return np.stack([parts[row] for row in range(len(tokens))])

    return encode


def _task_facts(before: TaskScore, after: TaskScore) -> dict[str, str | float]:
    changed = [a != b for a, b in zip(before.labels, after.labels, strict=True)]
    return {
        "metric": before.metric,
        "before": before.value,
        "after": after.value,
        "labels_changed": float(np.mean(changed)) if changed else 0.0,
    }


def _refuse_outside(bounds: Bounds, facts: ExportFacts, folder: Path) -> None:
    rows = [("largest difference of the unit vectors", facts.largest_difference, bounds.difference)]
    if facts.task is not None:
        name, task = str(facts.task["metric"]), facts.task
        rows.append((f"loss of {name}", float(task["before"]) - float(task["after"]), bounds.metric))
        rows.append(("share of labels changed", float(task["labels_changed"]), bounds.labels))
    # written so that NaN is refused too
    wrong = [f"{what} is {value:.5f}, allowed {bound:.5f}" for what, value, bound in rows if not value <= bound]
    if wrong:
        advice = "use precision fp32, or widen the bounds" if facts.precision == "int8" else "widen the bounds"
        raise ExportError(f"the {facts.precision} export to {folder} is refused: {'; '.join(wrong)}; {advice}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(facts: ExportFacts) -> str:
    return json.dumps(asdict(facts), indent=2) + "\n"
