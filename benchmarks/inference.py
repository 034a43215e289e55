"""Inference on the CPU: sentences a second and latency of every engine, beside SentenceTransformer.encode.

Run: ``TURNWISE_DATA=FOLDER python benchmarks/inference.py``; writes ``benchmarks/results/inference.json`` in about two
minutes. All engines encode the same test utterances of BANKING77 and CLINC150 with the same weights on the same
number of cores, in turns, so that a disturbance hits all of them; rates and latencies are medians over the rounds,
ratios are medians of the ratios within a round. The limit is the fastest product of the model's own largest matrix
that this machine was seen to do in the same minute.
"""

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import onnx
import onnxruntime
import torch
import typer
from numpy.typing import NDArray
from rich.progress import track
from sentence_transformers import SentenceTransformer
from torch.nn.functional import linear

from _cells import machine
from _data import RESULTS, sample, split
from turnwise.encoder import Encoder
from turnwise.files import atomic_file
from turnwise.runtime import ExportFacts, Runtime, export
from turnwise.runtime.flops import config_flops

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
PEER = "sentence-transformers"
PRECISION = {PEER: "fp32", "torch fp32": "fp32", "torch bf16": "bf16", "runtime fp32": "fp32", "runtime int8": "int8"}
DATASETS = {"banking": "banking77", "clinc": "clinc150"}
BLOCK = 20
"""Single texts that one engine encodes before it is the next one's turn."""
BANKS = 5


def main(
    output: Annotated[Path, typer.Option(help="Where the results go.")] = RESULTS / "inference.json",
    rounds: Annotated[int, typer.Option(help="Rounds of every measurement.")] = 5,
    texts: Annotated[int, typer.Option(help="Utterances a round, from each test set.")] = 512,
    threads: Annotated[int, typer.Option(help="CPU cores of every engine.")] = 2,
) -> None:
    """Measure batches, latency, the accuracy that int8 costs, and the distance to the machine's limit."""
    torch.set_num_threads(threads)
    encoder = Encoder.load()
    chosen = {name: spread([u.text for u in split(folder, "test")], texts) for folder, name in DATASETS.items()}
    with tempfile.TemporaryDirectory() as folder:
        engines, facts = load_engines(encoder, Path(folder), chosen["banking77"], threads)
        limits = {precision: [best_rate(run)] for precision, run in products(encoder, threads).items()}
        batches = {name: in_batches(engines, found, rounds) for name, found in chosen.items()}
        latency = one_by_one(engines, chosen["banking77"], 2 * rounds)
        accuracy = {name: lost_to_int8(engines, folder) for folder, name in DATASETS.items()}
        for precision, run in products(encoder, threads).items():
            limits[precision].append(best_rate(run))
    flops = {name: mean_flops(encoder, found) for name, found in chosen.items()}
    rate = {precision: max(found) for precision, found in limits.items()}
    content = {
        "machine": machine(),
        "load_average": os.getloadavg()[0],
        "onnxruntime": onnxruntime.__version__,
        "texts_a_round": texts,
        "rounds": rounds,
        "rows": [row(engine, batches, latency, accuracy, flops, rate) for engine in engines],
        "one_nearest_neighbour_10_shots": accuracy,
        "gflops_limit": {precision: value / 1e9 for precision, value in rate.items()},
        "mflop_a_sentence": {name: value / 1e6 for name, value in flops.items()},
        "mflop_a_token_of_15": config_flops(encoder.backbone.config, 15) / 15 / 1e6,
        "tokens_a_sentence": {name: float(np.mean(lengths(encoder, found))) for name, found in chosen.items()},
        "exports": facts,
    }
    with atomic_file(output) as path:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for record in content["rows"]:
        print(
            "  ".join(f"{key} {value:.3g}" if isinstance(value, float) else str(value) for key, value in record.items())
        )
    print(f"written: {output}")


def spread(texts: Sequence[str], count: int) -> list[str]:
    """``count`` texts at equal distances: the files are sorted by intent."""
    return [texts[row] for row in np.linspace(0, len(texts) - 1, min(count, len(texts))).astype(int)]


def load_engines(
    encoder: Encoder, folder: Path, check: Sequence[str], threads: int
) -> tuple[dict[str, Encode], dict[str, dict[str, float]]]:
    """Every engine with the same weights, the peer first, and what its export measured."""
    encoder.save(folder / "encoder")
    peer = SentenceTransformer(str(folder / "encoder"), device="cpu")
    facts: dict[str, ExportFacts] = {}
    exported: dict[str, Encode] = {}
    facts["runtime fp32"] = export(encoder, folder / "fp32", check_texts=check, precision="fp32")
    facts["runtime int8"] = export(encoder, folder / "int8", check_texts=check, precision="int8")
    for name in facts:
        exported[name] = Runtime.load(folder / PRECISION[name], threads=threads).encode
    engines: dict[str, Encode] = {
        PEER: partial(peer.encode, show_progress_bar=False),
        "torch fp32": partial(encoder.encode, precision="fp32"),
        "torch bf16": partial(encoder.encode, precision="bf16"),
    } | exported
    measured = {
        name: {"largest_difference": found.largest_difference, "smallest_cosine": found.smallest_cosine}
        for name, found in facts.items()
    }
    return engines, measured


def in_batches(engines: Mapping[str, Encode], texts: Sequence[str], rounds: int) -> dict[str, NDArray[np.float64]]:
    """Sentences a second of every engine in every round, (rounds,)."""
    for encode in engines.values():
        encode(texts[:64])
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for _ in track(range(rounds), "batches"):
        for name, encode in engines.items():
            seconds[name].append(timed(encode, texts))
    return {name: len(texts) / np.array(found) for name, found in seconds.items()}


def one_by_one(engines: Mapping[str, Encode], texts: Sequence[str], rounds: int) -> dict[str, NDArray[np.float64]]:
    """Milliseconds of every engine for single texts, (rounds, BLOCK): a round is a block of the same texts."""
    found: dict[str, list[list[float]]] = {name: [] for name in engines}
    for number in track(range(rounds), "single texts"):
        block = [texts[(number * BLOCK + offset) % len(texts)] for offset in range(BLOCK)]
        for name, encode in engines.items():
            timed(encode, block[:1])
            found[name].append([1000 * timed(encode, [text]) for text in block])
    return {name: np.array(values) for name, values in found.items()}


def timed(encode: Encode, texts: Sequence[str]) -> float:
    """Seconds to encode ``texts``."""
    start = perf_counter()
    encode(texts)
    return perf_counter() - start


def lost_to_int8(engines: Mapping[str, Encode], dataset: str) -> dict[str, Any]:
    """1-NN accuracy in points on the whole test set, fp32 and int8, as means over banks of 10 examples an intent.

    Bank 0 is the train_10 file. One bank alone says little: int8 changes 3 % of the neighbours, for better and
    for worse, and the difference of two such shares is a few tenths of a point either way.
    """
    banks, test = [sample(dataset, 10, number) for number in range(BANKS)], split(dataset, "test")
    found: dict[str, list[float]] = {}
    for precision in ("fp32", "int8"):
        encode = engines[f"runtime {precision}"]
        queries = unit(encode([u.text for u in test]))
        for bank in banks:
            nearest = (queries @ unit(encode([u.text for u in bank])).T).argmax(axis=1)
            right = [bank[n].labels == u.labels for n, u in zip(nearest, test, strict=True)]
            found.setdefault(precision, []).append(100 * float(np.mean(right)))
    lost = np.array(found["fp32"]) - np.array(found["int8"])
    means = {precision: float(np.mean(values)) for precision, values in found.items()}
    return means | {"lost": float(lost.mean()), "lost_by_bank": lost.round(3).tolist()}


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length one."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def lengths(encoder: Encoder, texts: Sequence[str]) -> list[int]:
    """Tokens of each text."""
    return [len(tokens.ids) for tokens in encoder.codec.tokenise(texts)]


def mean_flops(encoder: Encoder, texts: Sequence[str]) -> float:
    """Operations a sentence, padding not counted."""
    return float(np.mean([config_flops(encoder.backbone.config, tokens) for tokens in lengths(encoder, texts)]))


def products(encoder: Encoder, threads: int, rows: int = 1024) -> dict[str, tuple[Callable[[], Any], int]]:
    """The feed-forward product of ``rows`` tokens in each precision, with its operations."""
    dim, inner = encoder.backbone.config.hidden_size, encoder.backbone.config.intermediate_size
    operations = 2 * rows * dim * inner
    found: dict[str, tuple[Callable[[], Any], int]] = {}
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        found[precision] = (
            partial(linear, torch.randn(rows, dim).to(dtype), torch.randn(inner, dim).to(dtype)),
            operations,
        )
    session = integer_product(np.random.default_rng(0).integers(-127, 128, (dim, inner)).astype(np.int8), threads)
    values = np.random.default_rng(0).integers(0, 256, (rows, dim)).astype(np.uint8)
    found["int8"] = (partial(session.run, None, {"values": values}), operations)
    return found


def integer_product(weights: NDArray[np.int8], threads: int) -> Any:
    """A session with one product of uint8 values and int8 weights."""
    dim, inner = weights.shape
    node = onnx.helper.make_node("MatMulInteger", ["values", "weights"], ["sums"])
    values = onnx.helper.make_tensor_value_info("values", onnx.TensorProto.UINT8, ["rows", dim])
    sums = onnx.helper.make_tensor_value_info("sums", onnx.TensorProto.INT32, ["rows", inner])
    graph = onnx.helper.make_graph(
        [node], "product", [values], [sums], [onnx.numpy_helper.from_array(weights, "weights")]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def best_rate(product: tuple[Callable[[], Any], int], repeats: int = 200) -> float:
    """Operations a second of the fastest of ``repeats`` runs."""
    run, operations = product
    best = float("inf")
    with torch.inference_mode():
        for _ in range(repeats):
            start = perf_counter()
            run()
            best = min(best, perf_counter() - start)
    return operations / best


def row(
    engine: str,
    batches: Mapping[str, Mapping[str, NDArray[np.float64]]],
    latency: Mapping[str, NDArray[np.float64]],
    accuracy: Mapping[str, Mapping[str, Any]],
    flops: Mapping[str, float],
    rate: Mapping[str, float],
) -> dict[str, str | float]:
    """One engine's record."""
    record: dict[str, str | float] = {"engine": engine}
    for name, found in batches.items():
        record[f"{name}_sentences_a_second"] = float(np.median(found[engine]))
        record[f"{name}_ratio"] = float(np.median(found[engine] / found[PEER]))
        record[f"{name}_share_of_limit"] = float(np.median(found[engine])) * flops[name] / rate[PRECISION[engine]]
    record["one_text_p50_ms"] = float(np.median(latency[engine]))
    record["one_text_p95_ms"] = float(np.percentile(latency[engine], 95))
    record["one_text_ratio"] = float(np.median(np.median(latency[PEER], axis=1) / np.median(latency[engine], axis=1)))
    for name, found_accuracy in accuracy.items():
        if engine.startswith("runtime"):
            record[f"{name}_1nn_accuracy"] = found_accuracy[PRECISION[engine]]
    return record


if __name__ == "__main__":
    typer.run(main)
