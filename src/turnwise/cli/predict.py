"""``turnwise predict``: answer texts, with the reasons."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnwise.cli.options import ColumnOption, columns, readable
from turnwise.cli.progress import counting
from turnwise.errors import CorpusError, InputError

if TYPE_CHECKING:
    from turnwise.dialogue import Dialogue, Turn


def predict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A fitted model folder.")],
    texts: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts; - reads lines.")] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--input", "-i", help="A .txt (a text a line), .csv, .tsv, .parquet or .jsonl file; - reads lines."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    engine: Annotated[str, typer.Option(help="torch, or an export of the folder: fp32, int8.")] = "torch",
    column: ColumnOption = None,
) -> None:
    """Answer texts: the intent, how sure, and the training utterances it rests on.

    Models of other tasks than intents answer dialogues: the TEXTs are its turns, a customer's, or an agent's where one
    begins with "agent:"; so are the lines of standard input and of a .txt file.

    A .jsonl file of dialogues comes back as dialogues with the layer filled in (with --json).

    Example: turnwise predict models/shop "where is my parcel" "i want my money back"
    """
    if bool(texts) == (source is not None):
        raise InputError("give texts, or a file with --input, and not both; - reads lines from standard input")
    readable(texts or [])
    from turnwise.cli.desk import desk_of, show_desk
    from turnwise.cli.responses import choosing, show_responses
    from turnwise.cli.tasks import answer_dialogues, fitted

    desk = desk_of(folder)
    chooser = choosing(folder, engine)
    other = fitted(folder) if chooser is None else None
    if desk is not None or chooser is not None or other is not None:
        if other is not None and engine != "torch":
            raise InputError(f"{folder} is a model of {other.task.name}; --engine is for intents")
        if source is not None and source.name != "-" and source.suffix != ".txt":
            given = list(_dialogues(source, column))
        else:
            from turnwise.tasks.model import conversation

            given = [conversation(list(_texts(texts or [], source)))]
        if desk is not None:
            show_desk(desk, given, as_json)
        elif chooser is not None:
            show_responses(chooser, given, as_json)
        elif other is not None:
            answer_dialogues(other, given, as_json)
        return
    from turnwise.tasks.intent.engine import load_with

    model = load_with(folder, engine)
    if source is not None and source.name != "-" and source.suffix != ".txt":
        given = list(_dialogues(source, column))
        with counting("dialogues", len(given)) as advance:
            for dialogue in model.annotate(given):
                advance(1)
                _show_dialogue(dialogue, as_json)
        return
    lines = _texts(texts or [], source)
    if texts == ["-"] or (source is not None and source.name == "-"):
        for line in lines:
            _show(model.predict([line])[0], as_json)
        return
    wanted = list(lines)
    with counting("texts", len(wanted)) as advance:
        turns = model.predict(wanted, progress=advance)
    for turn in turns:
        _show(turn, as_json)


def _dialogues(source: Path, column: ColumnOption) -> "Iterator[Dialogue]":
    from turnwise.corpora import read_corpus

    spec = f"{source}@" if source.exists() else str(source)  # an @ in the name of a file starts no split
    yield from read_corpus(spec, default_split=None, columns=columns(column))


def _texts(texts: list[str], source: Path | None) -> Iterator[str]:
    if texts == ["-"] or (source is not None and source.name == "-"):
        for number, line in enumerate(sys.stdin.buffer, start=1):
            yield _decoded(line, number, "standard input").rstrip("\r\n")
    elif source is not None:
        try:
            content = source.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read {source}: {error.strerror}") from None
        for number, line in enumerate(content.splitlines(), start=1):
            yield _decoded(line, number, str(source))
    else:
        yield from texts


def _decoded(line: bytes, number: int, name: str) -> str:
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{name}: line {number} is not UTF-8 (byte {error.start} is 0x{line[error.start]:02x}); "
            "convert it, for example with: iconv -f latin1 -t utf-8"
        ) from None


def answer(turn: "Turn") -> dict[str, Any]:
    """A prediction as the service and ``--json`` give it."""
    labels = turn.labels["intent"]
    assert isinstance(labels, tuple)
    evidence = turn.evidence["intent"]
    return {
        "text": turn.text,
        "label": labels[0] if labels else None,
        "labels": list(labels),
        "confidence": evidence.score,
        "alternatives": [{"label": name, "confidence": score} for name, score in evidence.alternatives],
        "neighbours": [
            {"text": n.text, "labels": list(n.labels), "similarity": n.similarity} for n in evidence.neighbours
        ],
        "truncated": evidence.truncated,
    }


def _show(turn: "Turn", as_json: bool) -> None:
    found = answer(turn)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    label = ", ".join(found["labels"]) or "out of scope"
    cut = "  [only its beginning was read]" if found["truncated"] else ""
    typer.echo(f"{label}  {found['confidence']:.0%}  {short(turn.text)}{cut}")
    for neighbour in found["neighbours"]:
        names = ", ".join(neighbour["labels"]) or "out of scope"
        typer.echo(f"    {neighbour['similarity']:.2f}  {names}: {short(neighbour['text'])}")


def _show_dialogue(dialogue: Any, as_json: bool) -> None:
    from turnwise.dialogue import to_json

    if as_json:
        typer.echo(json.dumps(to_json(dialogue), ensure_ascii=False))
        return
    for turn in dialogue.turns:
        if "intent" in turn.evidence:
            _show(turn, False)


def short(text: str, limit: int = 100) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
