"""Make an ONNX graph easier to quantise: move the spread of activations into the weights (SmoothQuant)."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnwise.codec import Encoding

POWERS = (0.5, 0.6, 0.7, 0.8)
"""Powers tried for the share of the spread that moves into the weights."""
_ROWS = 1024
"""Tokens on which the powers are compared."""
_WORTHWHILE = 0.7
_FLOOR = 0.1
"""A channel counts as no smaller than this share of the mean one: other texts may use what these did not."""
_SUFFIX = "_smoothed"

Array = NDArray[np.float32]


def smooth(model: Any, encodings: Sequence[Encoding]) -> int:
    """Rewrite the matrix products of ``model`` (an onnx.ModelProto, changed in place); returns how many inputs.

    A product X W, X (tokens, in), W (in, out), with X in uint8 under one scale, loses most where few channels of X
    are far larger than the rest. ``X W = (X / s) (s W)`` holds for any s > 0; with
    ``s_j = max|X_j|^a / max|W_j|^(1 - a)`` the channels j become alike (Xiao et al., 2023, equation 4). For each
    input the power a is the one with the least error of the quantised product on the tokens of ``encodings``, or
    the product stays as it is when that does not save 30 % of its error. Products that share an input share s.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    groups: dict[str, list[Any]] = {}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in weights and len(weights[node.input[1]].dims) == 2:
            groups.setdefault(node.input[0], []).append(node)
    largest, samples = _activations(model, list(groups), encodings)
    before: dict[str, Any] = {}
    for name, nodes in groups.items():
        matrices = [numpy_helper.to_array(weights[node.input[1]]) for node in nodes]
        scale = best_scale(samples[name], largest[name], np.concatenate(matrices, axis=1))
        if scale is None:
            continue
        graph.initializer.append(numpy_helper.from_array(1 / scale, f"{name}_smoothing"))
        for node, matrix in zip(nodes, matrices, strict=True):
            graph.initializer.append(numpy_helper.from_array(matrix * scale[:, None], f"{node.input[1]}{_SUFFIX}"))
            node.input[0], node.input[1] = f"{name}{_SUFFIX}", f"{node.input[1]}{_SUFFIX}"
        smoothed = f"{name}{_SUFFIX}"
        before[nodes[0].output[0]] = helper.make_node("Mul", [name, f"{name}_smoothing"], [smoothed], smoothed)
    ordered = [part for node in graph.node for part in (before.get(node.output[0]), node) if part is not None]
    ordered = [copy.deepcopy(node) for node in ordered]
    del graph.node[:]
    graph.node.extend(ordered)
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    return len(before)


def best_scale(inputs: Array, largest: Array, weights: Array) -> Array | None:
    """The s, (in,), with the least error for X (tokens, in) and W (in, out); None when s = 1 is nearly as good.

    ``largest`` is max|X_j| over all tokens seen, shape (in,).
    """
    exact = inputs @ weights
    plain = product_error(inputs, weights, exact)
    candidates = []
    spread, strength = (np.maximum(x, max(_FLOOR * x.mean(), 1e-5)) for x in (largest, np.abs(weights).max(axis=1)))
    for power in POWERS:
        scale = spread**power / strength ** (1 - power)
        scale = (scale / np.exp(np.log(scale).mean())).astype(np.float32)
        candidates.append((product_error(inputs / scale, weights * scale[:, None], exact), scale))
    error, scale = min(candidates, key=lambda candidate: candidate[0])
    return scale if error < _WORTHWHILE * plain else None


def product_error(inputs: Array, weights: Array, exact: Array) -> float:
    """Mean squared error of X W with X in 8 bits under one scale and W under one for each output."""
    low, high = min(float(inputs.min()), 0.0), max(float(inputs.max()), 0.0)
    step = max((high - low) / 255, 1e-12)
    zero = round(-low / step)
    rounded = (np.clip(np.rint(inputs / step + zero), 0, 255) - zero) * step
    steps = np.maximum(np.abs(weights).max(axis=0), 1e-12) / 127
    found = rounded.astype(np.float32) @ (np.rint(weights / steps) * steps).astype(np.float32)
    return float(np.mean((found - exact) ** 2))


def _activations(
    model: Any, names: Sequence[str], encodings: Sequence[Encoding]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Largest absolute value a channel, and some rows, of the tensors ``names`` at real tokens."""
    import onnx
    import onnxruntime

    seen = onnx.ModelProto()
    seen.CopyFrom(model)
    seen.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(seen.SerializeToString(), options, providers=["CPUExecutionProvider"])
    largest: dict[str, Array] = {}
    rows: dict[str, list[Array]] = {name: [] for name in names}
    read = {graph_input.name for graph_input in model.graph.input}
    for encoding in encodings:
        real = encoding.mask.numpy().astype(bool)
        given = {"ids": encoding.ids.numpy(), "mask": encoding.mask.numpy()}
        if "segments" in read and encoding.segments is not None:
            given["segments"] = encoding.segments.numpy()
        found = session.run(list(names), given)
        for name, values in zip(names, found, strict=True):
            values = values[real] if values.shape[:2] == real.shape else values.reshape(-1, values.shape[-1])
            highest = np.abs(values).max(axis=0)
            largest[name] = np.maximum(largest[name], highest) if name in largest else highest
            rows[name].append(values[:: max(1, len(values) * len(encodings) // _ROWS)])
    return largest, {name: np.concatenate(found) for name, found in rows.items()}
