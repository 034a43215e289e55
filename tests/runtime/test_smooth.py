"""Smoothing changes no product and makes its quantised form more exact."""

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

from turnwise.codec import Encoding
from turnwise.runtime.smooth import best_scale, product_error, smooth


def outliers(rows: int = 200, channels: int = 16) -> np.ndarray:
    """Activations of which two channels are fifty times the rest."""
    values = np.random.default_rng(0).normal(size=(rows, channels)).astype(np.float32)
    values[:, :2] *= 50
    return values


def matrix(channels: int = 16, outputs: int = 8, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(channels, outputs)).astype(np.float32)


def test_error_of_a_product_by_hand() -> None:
    """X = (0, 255), steps of 1, is exact; W = 127 and 50.4 (50.5 of 127 a step) are 127 and 50 under one scale.

    X W = 255 * 50.4 = 12852 exactly, 255 * 50 = 12750 rounded: the squared error is 102 ** 2.
    """
    inputs = np.array([[0.0, 255.0]], np.float32)
    weights = np.array([[127.0], [50.4]], np.float32)
    assert product_error(inputs, weights, inputs @ weights) == pytest.approx(102.0**2, rel=1e-4)


def test_smoothing_outliers_makes_the_quantised_product_far_more_exact() -> None:
    values, weights = outliers(), matrix()
    scale = best_scale(values, np.abs(values).max(axis=0), weights)
    assert scale is not None
    exact = values @ weights
    assert (values / scale) @ (weights * scale[:, None]) == pytest.approx(exact, abs=1e-3)
    after = product_error(values / scale, weights * scale[:, None], exact)
    assert after < 0.5 * product_error(values, weights, exact)


def test_even_activations_stay_as_they_are() -> None:
    values = np.random.default_rng(0).uniform(-1, 1, size=(500, 16)).astype(np.float32)
    weights = np.sign(matrix())
    assert best_scale(values, np.abs(values).max(axis=0), weights) is None


def test_a_graph_keeps_its_outputs_and_products_of_one_input_share_one_scale() -> None:
    table, left, right = outliers(40), matrix(seed=1), matrix(seed=2)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["states"], "gather"),
        helper.make_node("MatMul", ["states", "left"], ["a"], "first"),
        helper.make_node("MatMul", ["states", "right"], ["b"], "second"),
        helper.make_node("Mul", ["a", "b"], ["products"], "times"),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"], "column"),
        helper.make_node("Cast", ["column"], ["weights"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["products", "weights"], ["vectors"], "masked"),
    ]
    tensors = {"table": table, "left": left, "right": right, "last": np.array([-1])}
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in ("ids", "mask")],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", "tokens", 8])],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    ids, mask = torch.arange(40).reshape(4, 10), torch.ones(4, 10, dtype=torch.int64)
    feed = {"ids": ids.numpy(), "mask": mask.numpy()}
    before = InferenceSession(model.SerializeToString()).run(None, feed)[0]
    assert smooth(model, [Encoding(ids, mask)]) == 1
    after = InferenceSession(model.SerializeToString()).run(None, feed)[0]
    assert after == pytest.approx(before, rel=1e-3, abs=1e-2)
    assert [node.op_type for node in model.graph.node].count("Mul") == 3
    assert {node.input[0] for node in model.graph.node if node.op_type == "MatMul"} == {"states_smoothed"}
    assert "left" not in {tensor.name for tensor in model.graph.initializer}
