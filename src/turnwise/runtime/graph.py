"""From an encoder to the ONNX graph ``ids, mask (, segments) -> vectors``: pooling inside, and int8 if wanted."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig

from turnwise.codec import Encoding
from turnwise.encoder import Encoder
from turnwise.errors import MissingExtraError
from turnwise.objectives.objective import Hidden, Pooling
from turnwise.runtime.attention import fuse_attention
from turnwise.runtime.smooth import smooth

OPSET = 20
"""The first opset with a Gelu operator; ONNX Runtime computes it in half the time of its parts."""
_TRACED_TEXTS = ("two texts of unlike length", "so that nothing in the graph depends on either")


class Pooled(nn.Module):
    """Token ids to one vector a sequence: the encoder, ``pooling`` over the tokens, then ``projection``.

    ``segmented``: the segments are read; otherwise all tokens are of segment 0.
    """

    def __init__(
        self,
        encoder: Encoder,
        projection: nn.Module | None,
        *,
        pooling: Pooling = "mean",
        segmented: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.projection = projection or nn.Identity()
        self.pooling = pooling
        self.segmented = segmented and encoder.codec.segments and encoder.codec.segment_types > 1

    def forward(self, ids: Tensor, mask: Tensor, segments: Tensor | None = None) -> Tensor:
        if segments is None and self.encoder.codec.segments:
            segments = torch.zeros_like(ids)
        states = self.encoder(Encoding(ids, mask, segments))
        vectors: Tensor = self.projection(Hidden(states, mask).pooled(self.pooling))
        return vectors

    def inputs(self, encoding: Encoding) -> dict[str, Tensor]:
        """What the graph is given for a batch, by name."""
        found = {"ids": encoding.ids, "mask": encoding.mask}
        if self.segmented:
            assert encoding.segments is not None
            found["segments"] = encoding.segments
        return found


def write_fp32(pooled: Pooled, path: Path) -> None:
    """Write the graph of ``pooled`` with standard operators only; batch and tokens are free axes.

    Attention is exported in its plain form (two matrix products and a softmax), which ``fuse`` may replace. The
    graph is traced from two padded texts. Raises MissingExtraError without onnx and onnxscript.
    """
    for package in ("onnx", "onnxscript"):
        need(package)
    example = pooled.inputs(pooled.encoder.codec.batch(pooled.encoder.codec.tokenise(_TRACED_TEXTS)))
    batch = torch.export.Dim("batch", min=1, max=2**16)
    tokens = torch.export.Dim("tokens", min=2, max=pooled.encoder.codec.max_tokens)
    axes = {0: batch, 1: tokens}
    with _plain_attention(pooled.encoder), _silence(), torch.inference_mode():
        torch.onnx.export(
            pooled,
            tuple(example.values()),
            path,
            input_names=list(example),
            output_names=["vectors"],
            dynamic_shapes=(axes,) * len(example),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def write_int8(source: Path, path: Path, encodings: Sequence[Encoding]) -> None:
    """Quantise a plain fp32 graph: weights of matrix products to int8, one scale per output channel.

    First ``smooth`` makes the activations of ``encodings`` even, which halves what is lost.

    Activations are quantised to uint8 as they come, one scale per tensor ("dynamic"), so that a vector
    depends a little on the texts that share its batch; attention scores, norms and pooling stay fp32. Embedding
    tables become int8 with one scale each, which makes the file smaller. CPUs without 8-bit dot products (VNNI)
    saturate sums of unsigned and signed factors: exported on such a one, weights are unsigned too, and nothing
    saturates. So export on the kind of CPU that serves.
    """
    need("onnxruntime")
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(str(source))
    smooth(model, encodings)
    # shapes are inferred again after products with transposed weights are rewritten; old ones would contradict
    del model.graph.value_info[:]
    # without this mark the library asks, through the root logger, for an optimiser's run first
    onnx.helper.set_model_props(model, {"onnx.quant.pre_process": "onnxruntime.quant"})
    with _silence():
        quantize_dynamic(
            model,
            str(path),
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,
            weight_type=QuantType.QInt8 if torch.cpu._is_vnni_supported() else QuantType.QUInt8,
            extra_options={"MatMulConstBOnly": True},
        )


def fuse(path: Path, config: PretrainedConfig) -> None:
    """Rewrite the attention of a graph on disk as ONNX Runtime's own operator, where it has the plain form."""
    import onnx

    model = onnx.load(str(path))
    heads = int(config.num_attention_heads)
    if fuse_attention(model, heads, int(config.hidden_size) // heads):
        onnx.save(model, str(path))


def need(package: str) -> None:
    """Raise MissingExtraError when ``package`` of the extra ``runtime`` is not installed."""
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise MissingExtraError(package, "runtime")


@contextlib.contextmanager
def _plain_attention(encoder: Encoder) -> Iterator[None]:
    before = encoder.backbone.config._attn_implementation
    encoder.backbone.set_attn_implementation("eager")
    try:
        yield
    finally:
        encoder.backbone.set_attn_implementation(before)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """The exporters' notes on their own internals say nothing to a user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
