"""Make an ONNX graph's attention one operator: ONNX Runtime's own multi-head attention instead of its parts."""

import copy
from typing import Any

_DOMAIN = "com.microsoft"
_MASK = "mask_int32"


def fuse_attention(model: Any, heads: int, head_size: int) -> int:
    """Replace plain attention in ``model`` (an onnx.ModelProto, changed in place); returns how many were replaced.

    In a graph whose input ``mask`` is 1 at real tokens, (batch, tokens),

        Softmax(Q K^T / sqrt(head size) + bias) V,  Q, K, V (batch, tokens, heads * head size),

    with the reshapes and transposes that split and join the heads, becomes one ``MultiHeadAttention``, which takes
    the mask itself. One short text spends most of its time between operators, not in them. Attention of any other
    form, such as one with another scale or with relative positions, stays as it is.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    fused: dict[str, Any] = {}
    for softmax in (node for node in graph.node if node.op_type == "Softmax"):
        scaled = _back(makers, softmax, ("Add", "Mul"))
        after = _forward(graph, softmax.output[0], ("MatMul", "Transpose", "Reshape"))
        if scaled is None or after is None or scaled.input[1] not in constants:
            continue
        scale = float(numpy_helper.to_array(constants[scaled.input[1]]))
        scores = makers.get(scaled.input[0])
        if abs(scale * head_size**0.5 - 1) > 1e-5 or scores is None or scores.op_type != "MatMul":
            continue
        parts = [
            _back(makers, node, ("Transpose", "Reshape"), first=first)
            for node, first in ((scores, 0), (scores, 1), (after[0], 1))
        ]
        if any(part is None for part in parts):
            continue
        fused[after[-1].output[0]] = helper.make_node(
            "MultiHeadAttention",
            [*(part.input[0] for part in parts if part is not None), "", _MASK],
            [after[-1].output[0]],
            name=f"{softmax.name or softmax.output[0]}_fused",
            domain=_DOMAIN,
            num_heads=heads,
        )
    if not fused:
        return 0
    cast = helper.make_node("Cast", ["mask"], [_MASK], to=TensorProto.INT32)
    _replace_nodes(model, [cast, *(fused.get(node.output[0], node) for node in graph.node)])
    model.opset_import.append(helper.make_opsetid(_DOMAIN, 1))
    return len(fused)


def _back(makers: dict[str, Any], node: Any, kinds: tuple[str, ...], *, first: int = 0) -> Any | None:
    """The node reached from input ``first``, then inputs 0, through nodes of these kinds; None if others lie there."""
    name = node.input[first]
    for kind in kinds:
        node = makers.get(name)
        if node is None or node.op_type != kind:
            return None
        name = node.input[0]
    return node


def _forward(graph: Any, name: str, kinds: tuple[str, ...]) -> list[Any] | None:
    """The nodes of these kinds that use ``name``, one after the other and each alone; None if others do."""
    found = []
    for kind in kinds:
        users = [node for node in graph.node if name in node.input]
        if len(users) != 1 or users[0].op_type != kind:
            return None
        found.append(users[0])
        name = users[0].output[0]
    return found


def _replace_nodes(model: Any, nodes: list[Any]) -> None:
    """Put ``nodes`` in place of the graph's, without those that nothing uses any more, and their constants."""
    outputs = {output.name for output in model.graph.output}
    kept = [copy.deepcopy(node) for node in nodes]
    while True:
        used = outputs | {name for node in kept for name in node.input}
        needed = [node for node in kept if used & set(node.output)]
        if len(needed) == len(kept):
            break
        kept = needed
    del model.graph.node[:]
    model.graph.node.extend(kept)
    del model.graph.value_info[:]
    for tensor in [tensor for tensor in model.graph.initializer if tensor.name not in used]:
        model.graph.initializer.remove(tensor)
