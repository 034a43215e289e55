"""Mixed precision that is fast on a CPU: linear layers in bfloat16, attention in float32.

The backward pass of bfloat16 attention is slower than float32's on CPUs, while bfloat16 matrix
products are faster where the CPU has instructions for them. Weights and optimizer stay float32.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

Precision = Literal["auto", "fp32", "bf16"]
_FP32_ATTENTION = "turnwise_fp32_sdpa"


def _fp32_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Scaled dot-product attention in float32 whatever the inputs; the signature is the library's."""
    with torch.autocast(query.device.type, enabled=False):
        if attention_mask is not None and attention_mask.is_floating_point():
            attention_mask = attention_mask.float()
        output, _ = sdpa_attention_forward(module, query.float(), key.float(), value.float(), attention_mask, **options)
    return output.to(query.dtype), None


AttentionInterface.register(_FP32_ATTENTION, _fp32_attention)
AttentionMaskInterface.register(_FP32_ATTENTION, sdpa_mask)


@cache
def bf16_is_faster() -> bool:
    """Whether a bfloat16 matrix product beats float32's on this CPU by a third or more: measured, 20 ms.

    Where bfloat16 is emulated it is tens of times slower; a product of few rows tells, and the whole is not waited for.
    """
    return _bf16_to_fp32(rows=16) < 10 and _bf16_to_fp32(rows=512) < 3 / 4


def _bf16_to_fp32(rows: int) -> float:
    """The time of a product in bfloat16, in times of that in float32: the best of five each."""
    seconds = []
    for dtype in (torch.bfloat16, torch.float32):
        left, right = torch.ones(rows, 384, dtype=dtype), torch.ones(384, 1536, dtype=dtype)
        left @ right
        runs = []
        for _ in range(5):
            start = time.perf_counter()
            left @ right
            runs.append(time.perf_counter() - start)
        seconds.append(min(runs))
    return seconds[0] / seconds[1]


def resolve(precision: Precision, device: torch.device) -> Literal["fp32", "bf16"]:
    """The precision to use on ``device``: ``auto`` becomes what is faster there."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if device.type == "cpu" and bf16_is_faster() else "fp32"


@contextmanager
def mixed(backbone: PreTrainedModel, precision: Literal["fp32", "bf16"]) -> Iterator[None]:
    """Run a block in ``precision``; the model's own attention implementation comes back afterwards."""
    device = next(backbone.parameters()).device
    if precision == "fp32":
        with nullcontext():
            yield
        return
    before = backbone.config._attn_implementation
    swap = device.type == "cpu" and before == "sdpa"
    if swap:
        backbone.set_attn_implementation(_FP32_ATTENTION)
    try:
        with torch.autocast(device.type, torch.bfloat16):
            yield
    finally:
        if swap:
            backbone.set_attn_implementation(before)
