"""``turnwise tokenizer``: a vocabulary of one's own, to train an encoder from scratch with."""

from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.options import CORPUS_HELP, ColumnOption, columns
from turnwise.cli.progress import counting
from turnwise.cli.where import WhereOption, selection


def tokenizer(
    output: Annotated[Path, typer.Option("--output", "-o", help="The tokenizer folder to write.")],
    corpus: Annotated[
        list[str] | None, typer.Option("--corpus", "-c", help=f"Dialogues, once for each corpus: {CORPUS_HELP}")
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="In place of dialogues: a folder of turnwise mine, for its sentences.")
    ] = None,
    vocabulary: Annotated[int, typer.Option(help="Word pieces at most.")] = 8000,
    cased: Annotated[bool, typer.Option("--cased", help="Keep capitals and accents.")] = False,
    where: WhereOption = None,
    column: ColumnOption = None,
) -> None:
    """Train a WordPiece tokenizer on the texts of dialogues, or on mined sentences, in any language.

    Example: turnwise tokenizer --corpus chats.jsonl -o tokenizers/ours
    """
    from turnwise.cli.pretrain_flags import check_sources
    from turnwise.corpora import parse
    from turnwise.files import check_replaceable
    from turnwise.objectives.cloze_pairs import sentences_of
    from turnwise.tokenizer import MARKS, train_tokenizer

    check_replaceable(output, MARKS)
    check_sources(corpus, pairs, [flag for flag, value in (("--where", where), ("--column", column)) if value])
    names, taken = columns(column), selection(where)
    sources = [parse(spec, "train") for spec in corpus or []]
    dialogues = taken.of(dialogue for source in sources for dialogue in source.read(names))
    turns = (turn.text for dialogue in dialogues for turn in dialogue.turns)
    what = "turns" if pairs is None else "sentences"
    with counting(what) as advance:
        found = train_tokenizer(
            turns if pairs is None else sentences_of(pairs / "train.parquet"),
            vocabulary=vocabulary,
            cased=cased,
            progress=advance,
        )
    found.save(output)
    typer.echo(
        f"{len(found.tokenizer):,} word pieces from {found.texts:,} {what}, {found.words:,} words, "
        f"{found.characters:,} characters; {found.unknown:.2%} of the words are [UNK]; tokenizer written to {output}"
    )
    recipe, given = ("scratch-small", "--corpus CORPUS -o ENCODER")
    if pairs is not None:
        recipe, given = "pairwise-cloze-tuned", f"--size convert --pairs {pairs} -o DECODER"
    typer.echo(f"next: turnwise pretrain --recipe {recipe} --tokenizer {output} {given}")
