"""``turnwise check``: what is in a corpus, and what is wrong with it."""

from turnwise.cli.options import ColumnOption, CorpusArgument


def check(corpus: CorpusArgument, column: ColumnOption = None) -> None:
    """Count a corpus per split, layer and label, and list duplicates, overlaps and every error."""
