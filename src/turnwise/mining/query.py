"""The stages of mining in their order, on any engine that Ibis speaks with."""

from collections.abc import Callable
from dataclasses import dataclass

import ibis
from ibis import _
from ibis.expr.types import Table

from turnwise.errors import CorpusError
from turnwise.mining.keyphrases import UNIT, keyphrases, word_counts
from turnwise.mining.pairs import pairs
from turnwise.mining.sentences import drawn, sentences
from turnwise.mining.settings import MiningSettings

Stage = Callable[[str, Callable[[], Table]], Table]
"""Keeps the rows of a stage under its name and gives them back as they are kept; calls for them when they are not."""
_SAMPLE = 25_000
"""Sentences that the threshold is chosen on, about: its keyphrases a sentence are then right to half a percent."""


@dataclass(frozen=True)
class Mined:
    """What the stages give: tables, and two numbers on the way."""

    found: Table
    counts: Table
    phrases: Table
    pairs: Table
    sentences: int
    threshold: float


def mined(texts: Table, settings: MiningSettings, stage: Stage) -> Mined:
    """Mine a table (group, text).

    ``stage`` decides where tables lie: a Parquet file each on one machine, a folder of a cluster's storage on Spark.
    Only numbers come to this process. Raises CorpusError when no text has a length that settings allow.
    """
    found = stage("sentences", lambda: sentences(texts, settings))
    number = int(found.count().to_pyarrow().as_py())
    if number == 0:
        raise CorpusError(f"no text has {settings.shortest} to {settings.longest} characters; nothing to mine")
    counts = stage("words", lambda: word_counts(found))
    if settings.threshold is None:
        chosen = stage("threshold", lambda: _threshold(found, counts, number, settings))
        threshold = int(chosen.to_pyarrow().column(0)[0].as_py())
    else:
        threshold = round(settings.threshold * UNIT)
    phrases = stage("keyphrases", lambda: keyphrases(found, counts, number, settings, threshold))
    made = stage("pairs", lambda: pairs(found, phrases, settings))
    return Mined(found, counts, phrases, made, number, threshold / UNIT)


def _threshold(found: Table, counts: Table, number: int, settings: MiningSettings) -> Table:
    """The score above which a sentence has ``settings.keyphrases`` phrases in the mean.

    Phrases are chosen best first, so those above a threshold are the same whether it cuts before or after: of the
    sample's phrases without a threshold, the score that as many exceed as are wanted.
    """
    share = min(1.0, _SAMPLE / number)
    sample = found if share == 1 else found.filter(drawn(found.group + found.text, share))
    best = keyphrases(sample, counts, number, settings, None)
    wanted = (settings.keyphrases * sample.count().as_scalar()).round().cast("int64")
    ranked = best.mutate(rank=ibis.row_number().over(ibis.window(order_by=ibis.desc("score"))))
    return ranked.filter(ranked["rank"] <= wanted).agg(threshold=_.score.min())
