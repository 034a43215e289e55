"""What is in a corpus, and what is wrong with it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

from turnwise.corpora import parse
from turnwise.corpora.columns import DEFAULT_COLUMNS, Columns
from turnwise.corpora.tally import EXAMPLES, CountTokens, SplitCount, Tally
from turnwise.dialogue import Dialogue
from turnwise.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Overlap:
    """Case-folded customer texts that two splits share."""

    first: str
    second: str
    texts: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What ``check`` found; ``errors`` come from every split."""

    corpus: str
    reader: str
    splits: tuple[SplitCount, ...]
    overlaps: tuple[Overlap, ...]
    errors: tuple[str, ...]


def check(
    spec: str,
    *,
    columns: Columns = DEFAULT_COLUMNS,
    keep: Callable[[Dialogue], bool] | None = None,
    count_tokens: CountTokens | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Read a corpus, every split when none is named, and count it, or those of its dialogues that ``keep`` holds of.

    ``count_tokens`` gives the lengths of texts in tokens (see ``turnwise.corpora.tokens``), ``progress`` is
    called with the number of dialogues just read. Errors in the files become part of the report.
    Raises InputError when there is no such corpus.
    """
    source = parse(spec, None)
    counts: list[SplitCount] = []
    texts: dict[str, set[str]] = {}
    owners: dict[str, str] = {}
    for split in source.splits:
        tally = Tally()
        errors: list[str] = []
        try:
            for dialogue in source.reader.read(source.path, split, columns):
                if keep is not None and not keep(dialogue):
                    continue
                owner = owners.setdefault(dialogue.id, split)
                if owner != split:
                    errors.append(f"the id {dialogue.id!r} is in split {owner} too; ids must be unique")
                tally.add(dialogue)
                if len(tally.waiting) >= 1000:
                    tally.count_waiting(count_tokens)
                if progress is not None:
                    progress(1)
        except CorpusError as error:
            errors.extend(error.problems or str(error).splitlines())
        tally.count_waiting(count_tokens)
        texts[split] = set(tally.texts)
        counts.append(tally.result(split, count_tokens is not None, errors))
    overlaps = tuple(_overlaps(texts))
    every = tuple(f"{count.name}: {error}" for count in counts for error in count.errors)
    return Report(spec, source.reader.name, tuple(counts), overlaps, every)


def _overlaps(texts: dict[str, set[str]]) -> Iterator[Overlap]:
    for (first, left), (second, right) in combinations(texts.items(), 2):
        if shared := left & right:
            yield Overlap(first, second, len(shared), tuple(sorted(shared)[:EXAMPLES]))
