from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from turnwise.encoder import Encoder
from turnwise.tasks.intent.examples import Utterance

WORDS = (
    "where is my parcel the order late track it i want a refund money back give me please now can you wrap gift "
    "card lost block stolen hello yes no weather today delivery arrive when how do not for this and of to shoes"
).split()
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"

TRACK = ("where is my parcel", "track my order please", "when is my order here", "my delivery is late", "track it")
REFUND = ("i want a refund", "give me my money back", "refund the shoes please", "money back now", "can i get a refund")
BLOCK = ("my card is lost", "block my card", "the card is stolen", "please block it", "lost card")


def tiny_encoder(*, seed: int = 0, width: int = 32) -> Encoder:
    """A two-layer BERT with random weights, one token for each of a few words and letters."""
    specials = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    entries = [*specials, *WORDS, *(x for x in LETTERS if x not in WORDS), *(f"##{x}" for x in LETTERS)]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys(entries))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    )
    names = {
        f"{name}_token": f"[{token}]"
        for name, token in {"pad": "PAD", "unk": "UNK", "cls": "CLS", "sep": "SEP", "mask": "MASK"}.items()
    }
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = BertModel(config)
    from turnwise.codec import Codec

    return Encoder(backbone, Codec(fast, 64, True), "tiny").eval()


def labelled(**groups: Sequence[str]) -> list[Utterance]:
    return [
        Utterance(text, (label,), f"{label}:{n}/0") for label, texts in groups.items() for n, text in enumerate(texts)
    ]


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return tiny_encoder()


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoders") / "tiny"
    tiny_encoder().save(folder)
    return folder


@pytest.fixture(scope="session")
def shop() -> list[Utterance]:
    """15 utterances of 3 intents."""
    return labelled(track=TRACK, refund=REFUND, block=BLOCK)
