"""Corpora: one reader per format, each yielding dialogues; a corpus is named ``READER:PATH@SPLIT``."""

from collections.abc import Iterator

from turnwise.corpora import (
    abcd,
    banking77,
    banking77_oos,
    camrest676,
    clinc150,
    crosswoz,
    csv,
    cucom,
    dailydialog,
    dialoglue,
    dstc2_text,
    dstc8_spans,
    esconv,
    frames,
    gsim,
    helpdesk,
    jsonl,
    metalwoz,
    mobilecs,
    msre2e,
    multidogo,
    multiwoz21,
    multiwoz_single,
    nlupp,
    parquet,
    presidio,
    restaurants8k,
    sample,
    self_dialogue,
    sgd,
    smd,
    snips,
    snips_episodes,
    star,
    stc3,
    switchboard,
    taskmaster4,
    topical_chat,
    woz2,
)
from turnwise.corpora.columns import DEFAULT_COLUMNS, Columns
from turnwise.corpora.reader import Reader
from turnwise.corpora.source import Source, parse_source
from turnwise.dialogue import Dialogue

__all__ = ["READERS", "Columns", "Reader", "Source", "parse", "read_corpus"]

_OWN = (sample.READER, jsonl.READER, csv.READER, parquet.READER, helpdesk.READER)
_INTENTS = (banking77.READER, banking77_oos.READER, clinc150.READER, dialoglue.READER, nlupp.READER)
_TASK_ORIENTED = (
    sgd.READER,
    multiwoz21.READER,
    multiwoz_single.READER,
    crosswoz.READER,
    star.READER,
    gsim.READER,
    woz2.READER,
    camrest676.READER,
    dstc2_text.READER,
    frames.READER,
    msre2e.READER,
    smd.READER,
    taskmaster4.READER,
    metalwoz.READER,
)
_SLOTS = (restaurants8k.READER, dstc8_spans.READER, snips.READER, snips_episodes.READER)
_CUSTOMER_SERVICE = (abcd.READER, multidogo.READER, mobilecs.READER, stc3.READER, cucom.READER, esconv.READER)
_PERSONAL_DATA = (presidio.READER,)
_OPEN_DOMAIN = (dailydialog.READER, switchboard.READER, topical_chat.READER, self_dialogue.READER)

READERS: tuple[Reader, ...] = (
    *_OWN,
    *_INTENTS,
    *_TASK_ORIENTED,
    *_SLOTS,
    *_CUSTOMER_SERVICE,
    *_OPEN_DOMAIN,
    *_PERSONAL_DATA,
)


def parse(spec: str, default_split: str | None = "train") -> Source:
    """The source that ``READER:PATH@SPLIT`` names; ``default_split`` None means every split.

    Raises InputError for an unknown reader, path or split.
    """
    return parse_source(spec, READERS, default_split)


def read_corpus(
    spec: str, *, default_split: str | None = "train", columns: Columns = DEFAULT_COLUMNS
) -> Iterator[Dialogue]:
    """Yield the dialogues of a corpus.

    Raises InputError at once when the corpus is not there, CorpusError when its files cannot be read or hold
    problems (after the good dialogues, with every problem).
    """
    return parse(spec, default_split).read(columns)
