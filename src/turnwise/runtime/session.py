"""Run an exported encoder: length-bucketed batches on ONNX Runtime."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import AutoTokenizer

from turnwise.codec import Codec, Tokens
from turnwise.errors import InputError, MissingExtraError, ModelError
from turnwise.lengths import length_batches

FORMAT = 1
MODEL_FILE = "model.onnx"
FACTS_FILE = "export.json"
BATCH_TOKENS = 512
"""Padded tokens of a batch: the activations of 512 tokens stay in a core's own cache."""
_SLOW_FUSIONS = ["SkipLayerNormFusion", "BiasGeluFusion"]
"""Fusions of ONNX Runtime that are slower than the operators they replace: its fused skip-and-norm takes
5 ns an element where an addition and a norm take 0.6 (measured on an AVX-512 CPU, release 1.31)."""


class Runtime:
    """An exported encoder, ready to answer; safe to call from several threads.

    One batch runs on one core, and batches run side by side on ``threads`` cores: there is nothing to wait for
    between the operators of a batch, and several callers do not get in each other's way.
    """

    def __init__(self, session: Any, codec: Codec, facts: dict[str, Any], threads: int) -> None:
        self.codec = codec
        self.facts = facts
        self.threads = threads
        self._segmented = bool(facts.get("segmented", False))
        self._session = session
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="turnwise-runtime")

    @classmethod
    def load(cls, folder: Path, *, threads: int | None = None) -> "Runtime":
        """Load a folder that ``export`` wrote; every file is checked against its SHA-256.

        ``threads`` defaults to the cores that this process may use. Raises ModelError when the folder is not an
        export, is damaged or of a newer format, MissingExtraError without onnxruntime.
        """
        if threads is not None and threads < 1:
            raise InputError(f"threads is {threads}, expected at least 1")
        facts = _checked_facts(Path(folder))
        try:
            tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
            codec = Codec(tokenizer, facts["max_tokens"], facts["segments"])
            session = _session(Path(folder) / MODEL_FILE)
        except MissingExtraError:
            raise
        except Exception as error:
            raise ModelError(f"cannot load the export in {folder}: {' '.join(str(error).split())[:300]}") from error
        return cls(session, codec, facts, threads or cores())

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return int(self.facts["dim"])

    def encode(
        self,
        texts: Sequence[str] | Sequence[Tokens],
        *,
        batch_tokens: int = BATCH_TOKENS,
        progress: Callable[[int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Vectors, shape (texts, dim), in the order of ``texts``, not normalised: what ``Encoder.encode`` gives.

        Texts of like length share a batch of at most ``batch_tokens`` padded tokens; ``progress`` is called with
        the number of texts just done. Raises InputError for a bare string.
        """
        if isinstance(texts, str):
            raise InputError("encode takes a list of texts, not one string; write encode([text])")
        tokens = [t for t in texts if isinstance(t, Tokens)]
        if len(tokens) != len(texts):
            tokens = self.codec.tokenise([t for t in texts if isinstance(t, str)])
        vectors = np.zeros((len(tokens), self.dim), dtype=np.float32)
        lengths = [len(t.ids) for t in tokens]
        share = -(-sum(lengths) // self.threads)
        batches = length_batches(lengths, min(batch_tokens, share))
        done = map if len(batches) == 1 else self._pool.map
        for rows, pooled in zip(batches, done(lambda rows: self._run([tokens[r] for r in rows]), batches), strict=True):
            vectors[rows] = pooled
            if progress is not None:
                progress(len(rows))
        return vectors

    def _run(self, tokens: Sequence[Tokens]) -> NDArray[np.float32]:
        lengths = np.array([len(t.ids) for t in tokens])
        width = int(lengths.max())
        mask = (np.arange(width) < lengths[:, None]).astype(np.int64)
        # what stands where the mask is 0 changes no vector, but int8 takes its range from it too: the states of
        # padding tokens lie far out, those of a repeated last token do not
        ids = np.array([t.ids + t.ids[-1:] * (width - len(t.ids)) for t in tokens], dtype=np.int64)
        given = {"ids": ids, "mask": mask}
        if self._segmented:
            given["segments"] = np.array([_segments(t, width) for t in tokens], dtype=np.int64)
        vectors: NDArray[np.float32] = self._session.run(None, given)[0]
        return vectors


def _segments(tokens: Tokens, width: int) -> list[int]:
    found = list(tokens.segments) or [0] * len(tokens.ids)
    return found + found[-1:] * (width - len(found))


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "runtime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOW_FUSIONS
    )


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked_facts(folder: Path) -> dict[str, Any]:
    path = folder / FACTS_FILE
    if not path.is_file():
        raise ModelError(f"{folder} is no export: it has no {FACTS_FILE}; write one with turnwise.runtime.export")
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        number, files = facts["format"], dict(facts["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged: {error}; export the model again") from error
    if number != FORMAT:
        raise ModelError(f"{path} has format {number}, this turnwise reads {FORMAT}; export the model again")
    for name, expected in files.items():
        if not (folder / name).is_file():
            raise ModelError(f"{folder} lacks {name}; export the model again")
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise ModelError(f"{folder / name} has SHA-256 {found}, expected {expected}; export the model again")
    return facts
