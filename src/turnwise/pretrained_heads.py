"""The heads of further pre-training, kept beside an encoder: more training starts from them, and so can an answer."""

from collections.abc import Mapping
from pathlib import Path

import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from turnwise.encoder import Encoder
from turnwise.errors import ModelError

_FILE = "heads.safetensors"
_WEIGHTS = "model.safetensors"
_LANGUAGE_MODEL = "masked_lm"
_PUBLISHED = (
    ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias"),
    ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"),
    ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias"),
)
"""Where BERT, RoBERTa and DistilBERT keep the dense layer, the norm and the bias of their language model's head."""


def head_weights(heads: Mapping[str, nn.Module], encoder: Encoder) -> dict[str, Tensor]:
    """Copies of the weights of ``heads``, as ``NAME.parameter``, without what is tied to the encoder."""
    return {
        f"{name}.{key}": value.detach().cpu().clone().contiguous()
        for name, head in heads.items()
        for key, value in _own(head, encoder).items()
    }


def write_heads(folder: Path, weights: Mapping[str, Tensor]) -> None:
    """Write what ``head_weights`` gave into an encoder folder."""
    if weights:
        save_file(dict(weights), folder / _FILE)


def read_heads(name: str) -> dict[str, Tensor]:
    """The heads that came with the encoder ``name``, a folder or a checkpoint on this machine; {} without any.

    A folder of ours keeps all of them. Checkpoints of BERT, RoBERTa and DistilBERT that were published as language
    models have the head of ``masked_lm`` among their weights. Raises ModelError when a file is damaged.
    """
    try:
        if (Path(name) / _FILE).is_file():
            return load_file(Path(name) / _FILE)
        weights = _published_weights(name)
        return {} if weights is None else _language_model(weights)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"the heads that lie beside the encoder {name} cannot be read: {error}") from None


def start_from(heads: Mapping[str, nn.Module], weights: Mapping[str, Tensor], encoder: Encoder) -> list[str]:
    """Put weights into the heads that they fit, in place; returns the names of these.

    A vector over the vocabulary may be shorter than the head's, which then has new tokens at its end.
    """
    started = []
    with torch.no_grad():
        for name, head in heads.items():
            own = _own(head, encoder)
            found = {key.removeprefix(f"{name}."): v for key, v in weights.items() if key.startswith(f"{name}.")}
            if not own or set(found) != set(own) or not all(_fits(found[key], own[key]) for key in own):
                continue
            for key, value in own.items():
                value[: len(found[key])] = found[key].to(value)
            started.append(name)
    return started


def _own(head: nn.Module, encoder: Encoder) -> dict[str, Tensor]:
    tied = {parameter.data_ptr() for parameter in encoder.backbone.parameters()}
    return {key: value for key, value in head.state_dict().items() if value.data_ptr() not in tied}


def _fits(found: Tensor, own: Tensor) -> bool:
    return found.shape == own.shape or (found.dim() == own.dim() == 1 and len(found) <= len(own))


def _published_weights(name: str) -> Path | None:
    if Path(name).is_dir():
        path = Path(name) / _WEIGHTS
        return path if path.is_file() else None
    try:
        cached = try_to_load_from_cache(name, _WEIGHTS)
    except HFValidationError:
        # not a checkpoint's name: weights that were made here
        return None
    return Path(cached) if isinstance(cached, str) else None


def _language_model(path: Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        keys = set(file.keys())
        for dense, norm, bias in _PUBLISHED:
            # checkpoints that were converted from the first releases call a norm's weights gamma and beta
            old = f"{norm}.gamma" in keys
            names = {
                "dense.weight": f"{dense}.weight",
                "dense.bias": f"{dense}.bias",
                "norm.weight": f"{norm}.gamma" if old else f"{norm}.weight",
                "norm.bias": f"{norm}.beta" if old else f"{norm}.bias",
                "bias": bias,
            }
            if keys >= set(names.values()):
                return {f"{_LANGUAGE_MODEL}.{own}": file.get_tensor(key) for own, key in names.items()}
    return {}
