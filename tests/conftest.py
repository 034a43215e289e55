"""Tiny checkpoints with random weights, one for each family of encoders, made without a download."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    DistilBertConfig,
    DistilBertModel,
    DistilBertTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    RobertaConfig,
    RobertaModel,
    RobertaTokenizer,
)

from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder

TINY_TOKENS = 40
"""The longest text, special tokens included, that every tiny checkpoint takes."""

_SENTENCES = (
    "my card has not come yet where is it i want to cancel the order please help your parcel arrives on monday we have "
    "stopped that refund money back sure hello thank you for waiting can change address done"
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789?!.,'-"
_SIZES = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64, "initializer_range": 0.2}


def _wordpieces(kind: type[PreTrainedTokenizerBase]) -> PreTrainedTokenizerBase:
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *_SENTENCES.split(),
        *_LETTERS,
        *(f"##{x}" for x in _LETTERS),
    ]
    return kind(vocab={piece: number for number, piece in enumerate(dict.fromkeys(pieces))})


def _byte_pairs() -> PreTrainedTokenizerBase:
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    learner.train_from_iterator([_SENTENCES], trainer)
    learned = json.loads(learner.to_str())["model"]
    return RobertaTokenizer(vocab=learned["vocab"], merges=[tuple(pair) for pair in learned["merges"]])


def _parts(family: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if family == "bert":
        words = _wordpieces(BertTokenizer)
        return BertModel(
            BertConfig(vocab_size=len(words), max_position_embeddings=TINY_TOKENS, num_hidden_layers=2, **_SIZES)
        ), words
    if family == "distilbert":
        words = _wordpieces(DistilBertTokenizer)
        config = DistilBertConfig(
            vocab_size=len(words),
            dim=32,
            hidden_dim=64,
            n_layers=2,
            n_heads=4,
            max_position_embeddings=TINY_TOKENS,
            initializer_range=0.2,
        )
        return DistilBertModel(config), words
    words = _byte_pairs()
    layers = 1 if family == "distilroberta" else 2
    config = RobertaConfig(
        vocab_size=len(words),
        max_position_embeddings=TINY_TOKENS + 2,
        type_vocab_size=1,
        num_hidden_layers=layers,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        **_SIZES,
    )
    # Published DistilRoBERTa checkpoints come from language modelling and hold no pooler.
    return RobertaModel(config, add_pooling_layer=family == "roberta"), words


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With ``--dist loadgroup`` a worker takes the tests of a file together; pages of the docs are taken one by one."""
    for item in items:
        file, _, name = item.nodeid.partition("::")
        if not name.startswith("test_every_snippet_runs"):
            item.add_marker(pytest.mark.xdist_group(file))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny checkpoint by its family; tests read it and never write into it."""
    made: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in made:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                model, tokenizer = _parts(family)
            made[family] = tmp_path_factory.mktemp("checkpoints") / family
            model.save_pretrained(made[family])
            tokenizer.save_pretrained(made[family])
        return made[family]

    return folder


_FORKS = """
import gc, json, os, resource, socket, sys
import turnwise.cli, turnwise.corpora, turnwise.pretraining, turnwise.tasks.fit, turnwise.tasks.recipes
import turnwise.tasks.intent.engine, turnwise.tasks.intent.evaluation, turnwise.tasks.intent.fit
import turnwise.tasks.ranking.fit, turnwise.tasks.slots.fit
gc.freeze()
with socket.socket(fileno=int(sys.argv[1])) as listening:
    while True:
        connection, _ = listening.accept()
        message, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        if not message:
            break
        request = json.loads(message)
        child = os.fork()
        if not child:
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            sys.stdin = open(0, encoding="utf-8")
            sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace")
            os.chdir(request["folder"])
            os.environ.clear()
            os.environ.update(request["environment"])
            sys.argv = ["turnwise", *request["arguments"]]
            if "largest_file" in request:
                resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest_file"],) * 2)
            try:
                turnwise.cli.main()
            except SystemExit as end:
                sys.stdout.flush()
                os._exit(end.code or 0)  # quick: nothing is freed
        for stream in streams:
            os.close(stream)
        connection.sendall(f"{child}\\n".encode())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(f"{code}\\n".encode())
        connection.close()
"""


@pytest.fixture(scope="session")
def forks() -> Iterator[str]:
    """Where a process listens that has loaded the libraries and runs ``turnwise.cli.main`` in forks of itself.

    A fresh process spends most of its time on importing torch. The answer at this Unix socket to a JSON object with
    ``arguments``, ``folder``, ``environment`` and, if wanted, ``largest_file``, sent along with the three standard
    streams, is a line with the process id, and when that ends one with its exit code, less than 0 for a signal.
    """
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        address = f"{folder}/socket"
        listening.bind(address)
        listening.listen()
        server = subprocess.Popen(
            [sys.executable, "-c", _FORKS, str(listening.fileno())],
            pass_fds=[listening.fileno()],
            stdout=subprocess.PIPE,  # not a file, whose place the forks would seek in theirs
            env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        )
        yield address
        with socket.socket(socket.AF_UNIX) as bye:
            bye.connect(address)
        server.communicate(timeout=60)
        assert server.returncode == 0


@pytest.fixture
def tiny(checkpoint: Callable[[str], Path]) -> Encoder:
    """A fresh tiny BERT encoder, free to be trained."""
    return Encoder.load(checkpoint("bert"))


@pytest.fixture(scope="session")
def runs() -> ModuleType:
    """``tests/runs.py``, which is a script too."""
    spec = importlib.util.spec_from_file_location("runs", Path(__file__).with_name("runs.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def talks() -> list[Dialogue]:
    """Four dialogues of four turns; two intents with four utterances each on the customer's turns."""
    told = [
        ("card", "my card has not come yet", "your card arrives on monday", "where is it", "it is on your address"),
        ("card", "where is my card", "hello your parcel has not come", "can you help", "sure we can help you"),
        ("cancel", "please cancel the order", "we have stopped that order", "refund my money", "money is back"),
        ("cancel", "i want to cancel it", "done thank you for waiting", "i want my money back", "refund done"),
    ]
    return [
        Dialogue(
            f"test:{number}",
            (
                Turn("customer", first, labels={"intent": (intent,)}),
                Turn("agent", answer),
                Turn("customer", second, labels={"intent": (intent,)}),
                Turn("agent", last),
            ),
        )
        for number, (intent, first, answer, second, last) in enumerate(told)
    ]
