"""``turnwise tokenizer``: a vocabulary of one's own, to train an encoder from scratch with."""

from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.options import CORPUS_HELP, ColumnOption, columns
from turnwise.cli.progress import counting
from turnwise.cli.where import WhereOption, selection


def tokenizer(
    corpus: Annotated[
        list[str], typer.Option("--corpus", "-c", help=f"Dialogues, once for each corpus: {CORPUS_HELP}")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The tokenizer folder to write.")],
    vocabulary: Annotated[int, typer.Option(help="Word pieces at most.")] = 8000,
    cased: Annotated[bool, typer.Option("--cased", help="Keep capitals and accents.")] = False,
    where: WhereOption = None,
    column: ColumnOption = None,
) -> None:
    """Train a WordPiece tokenizer on the texts of dialogues, in any language.

    Example: turnwise tokenizer --corpus chats.jsonl -o tokenizers/ours
    """
    from turnwise.corpora import parse
    from turnwise.files import check_replaceable
    from turnwise.tokenizer import MARKS, train_tokenizer

    check_replaceable(output, MARKS)
    names, taken = columns(column), selection(where)
    sources = [parse(spec, "train") for spec in corpus]
    dialogues = taken.of(dialogue for source in sources for dialogue in source.read(names))
    with counting("turns") as advance:
        found = train_tokenizer(
            (turn.text for dialogue in dialogues for turn in dialogue.turns),
            vocabulary=vocabulary,
            cased=cased,
            progress=advance,
        )
    found.save(output)
    typer.echo(
        f"{len(found.tokenizer):,} word pieces from {found.texts:,} turns, {found.words:,} words, {found.characters:,} "
        f"characters; {found.unknown:.2%} of the words are [UNK]; tokenizer written to {output}"
    )
    typer.echo(f"next: turnwise pretrain --recipe scratch-small --tokenizer {output} --corpus CORPUS -o ENCODER")
