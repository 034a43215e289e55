"""Fused attention gives the numbers of its parts, and other attention is left alone."""

import math

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from turnwise.runtime.attention import fuse_attention

HEADS, SIZE = 2, 4
DIM = HEADS * SIZE
RNG = np.random.default_rng(0)


def plain(scale: float) -> onnx.ModelProto:
    """One attention over ``states`` with its own query, key and value products, in its parts."""

    def node(kind: str, inputs: list[str], output: str, **attributes: object) -> onnx.NodeProto:
        return helper.make_node(kind, inputs, [output], name=output, **attributes)

    nodes = [
        node("Cast", ["mask"], "real", to=TensorProto.FLOAT),
        node("Sub", ["real", "one"], "minus"),
        node("Mul", ["minus", "far"], "low"),
        node("Unsqueeze", ["low", "axes"], "bias"),
    ]
    constants = {"one": np.float32(1), "far": np.float32(1e9), "axes": np.array([1, 2]), "scale": np.float32(scale)}
    constants["split"], constants["join"] = np.array([0, 0, HEADS, SIZE]), np.array([0, 0, DIM])
    for name, order in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        constants[f"w_{name}"] = RNG.normal(size=(DIM, DIM)).astype(np.float32)
        nodes += [
            node("MatMul", ["states", f"w_{name}"], name),
            node("Reshape", [name, "split"], f"{name}_split"),
            node("Transpose", [f"{name}_split"], f"{name}_heads", perm=order),
        ]
    nodes += [
        node("MatMul", ["q_heads", "k_heads"], "products"),
        node("Mul", ["products", "scale"], "scaled"),
        node("Add", ["scaled", "bias"], "masked"),
        node("Softmax", ["masked"], "weights", axis=-1),
        node("MatMul", ["weights", "v_heads"], "mixed"),
        node("Transpose", ["mixed"], "turned", perm=[0, 2, 1, 3]),
        node("Reshape", ["turned", "join"], "joined"),
    ]
    inputs = [
        helper.make_tensor_value_info("states", TensorProto.FLOAT, ["batch", "tokens", DIM]),
        helper.make_tensor_value_info("mask", TensorProto.INT64, ["batch", "tokens"]),
    ]
    outputs = [helper.make_tensor_value_info("joined", TensorProto.FLOAT, ["batch", "tokens", DIM])]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "attention", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def run(model: onnx.ModelProto) -> np.ndarray:
    states = np.random.default_rng(1).normal(size=(2, 3, DIM)).astype(np.float32)
    mask = np.array([[1, 1, 1], [1, 1, 0]], np.int64)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    joined: np.ndarray = session.run(None, {"states": states, "mask": mask})[0]
    return joined[mask.astype(bool)]


def test_plain_attention_becomes_one_operator_with_the_same_answer() -> None:
    model = plain(1 / math.sqrt(SIZE))
    before = run(model)
    assert fuse_attention(model, HEADS, SIZE) == 1
    kinds = [node.op_type for node in model.graph.node]
    assert sorted(kinds) == ["Cast", "MatMul", "MatMul", "MatMul", "MultiHeadAttention"]
    assert {tensor.name for tensor in model.graph.initializer} == {"w_q", "w_k", "w_v"}
    assert run(model) == pytest.approx(before, abs=1e-5)


@pytest.mark.parametrize("case", ["scale", "relative", "two users"])
def test_attention_of_another_form_stays(case: str) -> None:
    model = plain(1.0 if case == "scale" else 1 / math.sqrt(SIZE))
    if case == "relative":
        place = [node.name for node in model.graph.node].index("masked")
        model.graph.node.insert(place, helper.make_node("Neg", ["scaled"], ["turned_round"]))
        model.graph.node[place + 1].input[0] = "turned_round"
    if case == "two users":
        model.graph.node.append(helper.make_node("Identity", ["weights"], ["seen"]))
        model.graph.output.append(helper.make_empty_tensor_value_info("seen"))
    before = model.SerializeToString()
    assert fuse_attention(model, HEADS, SIZE) == 0
    assert model.SerializeToString() == before
