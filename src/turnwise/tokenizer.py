"""Train a WordPiece tokenizer on the texts of a corpus, in any language."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, BertTokenizer, PreTrainedTokenizerBase

from turnwise.errors import CorpusError, InputError, ModelError
from turnwise.files import atomic_folder

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MARKS = ("tokenizer.json", "tokenizer_config.json")
"""What a folder must hold for a new tokenizer to take its place."""
_LEAST = 100
_INSIDE = "##"
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


@dataclass(frozen=True)
class Vocabulary:
    """A trained tokenizer and what it was trained on: ``texts``, ``words`` in them, and their ``characters``.

    ``unknown`` is the share of the words that hold a character without a piece: each becomes ``[UNK]``.
    """

    tokenizer: PreTrainedTokenizerBase
    texts: int
    words: int
    characters: int
    unknown: float

    def save(self, folder: Path) -> None:
        """Write a folder that ``AutoTokenizer`` reads, atomically. Raises StorageError when the disk refuses."""
        with atomic_folder(Path(folder), marks=MARKS) as temporary:
            self.tokenizer.save_pretrained(temporary)


def train_tokenizer(
    texts: Iterable[str],
    *,
    vocabulary: int = 8000,
    cased: bool = False,
    max_tokens: int = 512,
    progress: Callable[[int], None] | None = None,
) -> Vocabulary:
    """WordPiece as BERT uses it, with at most ``vocabulary`` pieces.

    Words end at spaces and punctuation, and every Chinese character is a word of its own. Pieces grow by joining the
    pair that is the most frequent. Unless ``cased``, texts are lower-cased and accents taken off. Characters take at
    most three quarters of the vocabulary, the rarest go without. Memory holds the distinct words, not the texts; equal
    texts give equal tokenizers in whatever order they come. ``progress`` is called with the number of texts just read.
    Raises InputError for a vocabulary below 100, CorpusError when there is no word in the texts.

    Source: Schuster and Nakajima 2012; Devlin et al. 2019 (the splitting into words).
    """
    if vocabulary < _LEAST:
        raise InputError(f"vocabulary is {vocabulary}, expected at least {_LEAST}")
    normaliser, splitter = normalizers.BertNormalizer(lowercase=not cased), pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    read = 0
    for text in texts:
        read += 1
        normal = normaliser.normalize_str(text if text.isascii() else text.translate(_SURROGATES))
        counts.update(word for word, _ in splitter.pre_tokenize_str(normal))
        if progress is not None:
            progress(1)
    if not counts:
        raise CorpusError(f"the {read} texts hold no word to learn a vocabulary from")
    first, inside = _alphabet(counts, 3 * vocabulary // 4 - len(SPECIAL))
    learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    # The library numbers the pieces inside words in the order of a hash table. Named here, they come in one order.
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[*SPECIAL, *(_INSIDE + character for character in inside)],
        initial_alphabet=list(first),
        limit_alphabet=len(first),
        continuing_subword_prefix=_INSIDE,
        show_progress=False,
    )
    learner.train_from_iterator(_repeated(counts), trainer)
    pieces = sorted(learner.get_vocab().items(), key=lambda item: item[1])
    tokenizer = BertTokenizer(
        vocab={piece: number for number, (piece, _) in enumerate(pieces)},
        do_lower_case=not cased,
        tokenize_chinese_chars=True,
        model_max_length=max_tokens,
    )
    known = frozenset(first)
    words = counts.total()
    unknown = sum(count for word, count in counts.items() if not known.issuperset(word))
    return Vocabulary(tokenizer, read, words, len(first), unknown / words)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder. Raises ModelError when there is none, or it would run code."""
    if not Path(folder).is_dir():
        raise ModelError(
            f"there is no tokenizer folder {folder}; make one with turnwise tokenizer --corpus C -o {folder}"
        )
    try:
        found = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    except Exception as error:
        reason = " ".join(str(error).split())[:300].rstrip(".")
        raise ModelError(f"cannot load the tokenizer in {folder}: {reason}. The folder needs tokenizer.json") from error
    if not isinstance(found, PreTrainedTokenizerBase) or len(found) <= len(set(found.all_special_ids)):
        raise ModelError(f"the tokenizer in {folder} has no vocabulary; its folder needs tokenizer.json")
    return found


def _alphabet(counts: Counter[str], most: int) -> tuple[list[str], list[str]]:
    """The characters that get pieces, sorted, and those of them that also stand inside words.

    The most frequent ones, as long as the pieces of both kinds together are no more than ``most``.
    """
    characters: Counter[str] = Counter()
    within: set[str] = set()
    for word, count in counts.items():
        for character in word:
            characters[character] += count
        within.update(word[1:])
    first: list[str] = []
    used = 0
    for character, _ in sorted(characters.items(), key=lambda item: (-item[1], item[0])):
        used += 1 + (character in within)
        if used > most:
            break
        first.append(character)
    return sorted(first), sorted(within.intersection(first))


def _repeated(counts: Counter[str]) -> Iterator[str]:
    """Texts in which each word comes as often as it was counted."""
    for word, count in sorted(counts.items()):
        for start in range(0, count, 1000):
            yield " ".join([word] * min(1000, count - start))
