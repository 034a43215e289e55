"""A decoder that pairwise cloze has trained: a folder of its own, and the encoder that it belongs to."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from turnwise.encoder import Encoder
from turnwise.errors import ModelError
from turnwise.files import atomic_folder
from turnwise.span_decoder import SpanDecoder, sizes_of

EMBEDDED = "embedded"
MARKS = ("decoder.json",)
"""What a folder must hold for a new decoder to take its place."""
_FACTS, _WEIGHTS = "decoder.json", "decoder.safetensors"
_KIND = "span decoder"
_SHIPPED = Path(__file__).parent / "decoders"


@dataclass(frozen=True)
class PretrainedDecoder:
    """A decoder, and what it reads: the states of ``layers`` of one encoder, () being the last layer's.

    ``blank`` is the token that stands for a keyphrase in a template. ``encoder`` is the encoder's name,
    ``encoder_hash`` what ``encoder_hash`` gives for it; ``facts`` says how the decoder was trained.
    """

    decoder: SpanDecoder
    layers: tuple[int, ...]
    blank: str
    encoder: str
    encoder_hash: str
    facts: dict[str, Any] = field(default_factory=dict)


def save_decoder(
    decoder: PretrainedDecoder, folder: Path, *, half: bool = False, encoder: Encoder | None = None
) -> None:
    """Write decoder.json and decoder.safetensors, atomically; with ``half`` the weights in 16 bits.

    ``encoder`` is one that learned beside the decoder: it becomes the folder ``encoder`` in that folder.

    Raises StorageError when the disk refuses or other things are in the folder.
    """
    content = {
        "kind": _KIND,
        "layers": list(decoder.layers),
        "blank": decoder.blank,
        "encoder": decoder.encoder,
        "encoder_hash": decoder.encoder_hash,
        "facts": decoder.facts,
    }
    weights = {
        name: value.detach().to("cpu", torch.float16 if half else torch.float32).contiguous()
        for name, value in decoder.decoder.state_dict().items()
    }
    with atomic_folder(Path(folder), marks=MARKS) as temporary:
        save_file(weights, temporary / _WEIGHTS)
        if encoder is not None:
            (temporary / "encoder").mkdir()
            encoder.write(temporary / "encoder")
        (temporary / _FACTS).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def load_decoder(name: str | Path, encoder: Encoder) -> PretrainedDecoder:
    """Load ``embedded``, the decoder of the embedded encoder, or a folder that ``save_decoder`` wrote.

    Raises ModelError when there is none, it is damaged or of another kind, or it was trained over another encoder than
    ``encoder``.
    """
    folder = _SHIPPED / EMBEDDED if str(name) == EMBEDDED else Path(name)
    if not (folder / _FACTS).is_file():
        raise ModelError(
            f"{name} is no decoder folder: it has no {_FACTS}; name {EMBEDDED} or a folder that "
            "turnwise pretrain wrote from pairs"
        )
    try:
        content = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        weights = load_file(folder / _WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise _damaged(folder, str(error)) from None
    match content:
        case {"kind": kind} if kind != _KIND:
            raise ModelError(
                f"{folder} is the folder of {kind}, expected {_KIND}; name a folder that was written from pairs"
            )
        case {
            "kind": str(),
            "layers": [*layers],
            "blank": str(blank),
            "encoder": str(base),
            "encoder_hash": str(found),
            "facts": {**facts},
        } if all(isinstance(layer, int) for layer in layers):
            pass
        case _:
            raise _damaged(folder, f"{_FACTS} does not hold kind, layers, blank, encoder, encoder_hash and facts")
    own = encoder_hash(encoder)
    if found != own:
        raise ModelError(
            f"the decoder {name} belongs to the encoder {base} ({found[:12]}), and {encoder.name} has other weights "
            f"({own[:12]}); load that encoder, or train a decoder over this one with turnwise pretrain"
        )
    decoder = _built(folder, weights)
    expected = encoder.dim * max(1, len(layers))
    if weights["input_projection.0.weight"].shape[1] != expected:
        raise _damaged(
            folder,
            f"its weights read states of {weights['input_projection.0.weight'].shape[1]} numbers, and {len(layers)} "
            f"layers give {expected}",
        )
    told = {str(name): value for name, value in facts.items()}
    return PretrainedDecoder(decoder, tuple(layers), blank, base, found, told)


def encoder_hash(encoder: Encoder) -> str:
    """SHA-256 of an encoder's vocabulary and weights, rounded to 16 bits, so that a copy in half precision is the same.

    A pooler takes no part: no state depends on it.
    """
    digest = hashlib.sha256()
    vocabulary = encoder.codec.tokenizer.get_vocab()
    digest.update("\n".join(sorted(vocabulary, key=lambda token: vocabulary[token])).encode())
    for name, value in sorted(encoder.backbone.state_dict().items()):
        if not name.startswith("pooler.") and value.is_floating_point():
            digest.update(name.encode())
            digest.update(value.detach().to("cpu", torch.float16).contiguous().numpy().tobytes())
    return digest.hexdigest()


def _built(folder: Path, weights: dict[str, Tensor]) -> SpanDecoder:
    """A decoder of the sizes that the weights have."""
    try:
        decoder = SpanDecoder(weights["input_projection.0.weight"].shape[1], **sizes_of(weights))
        decoder.load_state_dict({name: value.float() for name, value in weights.items()})
    except (IndexError, KeyError, ValueError, RuntimeError) as error:
        raise _damaged(folder, " ".join(str(error).split())[:300]) from None
    return decoder.eval()


def _damaged(folder: Path, reason: str) -> ModelError:
    return ModelError(f"the decoder {folder} cannot be read: {reason}; write it again with turnwise pretrain")
