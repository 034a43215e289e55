"""Write the parts of README.md and docs/ that the code already says: tables between <!-- NAME --> markers.

python docs/generate.py            rewrites them
python docs/generate.py --check    changes nothing; exits with 1 when one is out of date
"""

import argparse
import ast
import re
import sys
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import typer
from meanings import MEANINGS

from turnwise.cli import app
from turnwise.corpora import READERS
from turnwise.errors import TurnwiseError
from turnwise.objectives import OBJECTIVES, RIDERS
from turnwise.pretraining import Held, Input
from turnwise.recipe import read_recipe, recipe_names
from turnwise.serve import Limits
from turnwise.serve.metrics import Metrics
from turnwise.tasks.fit import HeldOut, TaskInput
from turnwise.tasks.intent.all_pairs import AllPairs
from turnwise.tasks.intent.bank import Inference
from turnwise.tasks.intent.pairs import PairContrast
from turnwise.tasks.intent.recipes import Fitting
from turnwise.tasks.intent.softmax import SoftmaxClasses
from turnwise.tasks.ranking.task import Ranking
from turnwise.tasks.recipes import TASKS
from turnwise.tasks.selection import Selection
from turnwise.tasks.slots.recipe import Slots, SlotTraining
from turnwise.tasks.trunk_fit import Weights
from turnwise.training import Settings

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "turnwise"
TABLES_OF_RECIPES: tuple[type[Any], ...] = (
    *OBJECTIVES,
    *RIDERS,
    Input,
    Held,
    AllPairs,
    PairContrast,
    SoftmaxClasses,
    Settings,
    Inference,
    Fitting,
    *TASKS,
    Selection,
    Ranking,
    TaskInput,
    HeldOut,
    Weights,
    Slots,
    SlotTraining,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 when a part is out of date")
    check = parser.parse_args().check
    stale = []
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        before = path.read_text(encoding="utf-8")
        after = filled(before)
        if after != before:
            stale.append(path.name)
            if not check:
                path.write_text(after, encoding="utf-8")
    if check and stale:
        sys.exit(f"error: out of date: {', '.join(stale)}; run: python docs/generate.py")
    print("\n".join(f"written: {name}" for name in stale) or "everything is up to date")


def filled(document: str) -> str:
    """The document with every generated part drawn anew."""

    def part(match: re.Match[str]) -> str:
        if match[2] not in PARTS:
            sys.exit(f"error: there is no part {match[2]!r}; there are: {', '.join(PARTS)}")
        return f"{match[1]}\n{PARTS[match[2]]()}\n\n{match[3]}"

    return re.sub(r"(<!-- generated: ([^>]+) -->\n).*?(<!-- /generated -->)", part, document, flags=re.DOTALL)


def file_map() -> str:
    """Every .py file of the package with the first line of its docstring."""
    rows = []
    for path in sorted(SOURCE.rglob("*.py"), key=lambda path: (path.parent.relative_to(SOURCE).parts, path.name)):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        line = text.partition("\n")[0].replace("``", "`").replace("|", "\\|")
        rows.append([f"`{path.relative_to(SOURCE).as_posix()}`", line])
    return table(["file of src/turnwise", "what it is"], rows)


def readers() -> str:
    """The readers, as they describe themselves."""
    rows = [
        [f"`{reader.name}`", _cell(reader.description), ", ".join(reader.layers), _cell(reader.source), reader.licence]
        for reader in READERS
    ]
    return table(["reader", "what it reads", "layers", "source", "licence of the data"], rows)


def recipes() -> str:
    """The recipes that ship with the package."""
    return table(
        ["recipe", "task", "what it is"],
        [[f"`{name}`", str(read_recipe(name)["task"]), str(read_recipe(name)["about"])] for name in recipe_names()],
    )


def keys(kind: type[Any]) -> Callable[[], str]:
    """The keys of a dataclass with types, defaults and meanings."""

    def draw() -> str:
        hints = typing.get_type_hints(kind)
        rows = []
        for field in fields(kind):
            default = field.default_factory() if field.default_factory is not MISSING else field.default
            meaning = MEANINGS.get(kind.__name__, {}).get(field.name)
            if meaning is None:
                sys.exit(f"error: docs/meanings.py does not say what {kind.__name__}.{field.name} means")
            rows.append([f"`{field.name}`", _type(hints[field.name]), _value(default), meaning])
        return table(["key", "type", "default", "meaning"], rows)

    return draw


def metrics() -> str:
    """What /metrics holds."""
    families = sorted(Metrics().registry.collect(), key=lambda family: family.name)
    return table(["metric", "type", "meaning"], [[f"`{f.name}`", f.type, f.documentation] for f in families])


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its full name."""
    waiting = [("turnwise", typer.main.get_command(app))]
    while waiting:
        name, command = waiting.pop(0)
        below = getattr(command, "commands", None)
        if below is None:
            yield name, command
        else:
            waiting = [(f"{name} {verb}", found) for verb, found in below.items()] + waiting


def flags(command: Any) -> str:
    """The arguments and options of a command."""
    rows = []
    for parameter in command.params:
        if getattr(parameter, "hidden", False):
            continue
        names = parameter.opts if parameter.param_type_name == "option" else [parameter.metavar or parameter.name]
        default = "required" if parameter.required else _default(parameter.default)
        rows.append([", ".join(f"`{name}`" for name in names), default, _cell(parameter.help or "")])
    return table(["argument or option", "default", "meaning"], rows)


def errors() -> str:
    """Every error class with the first line of its docstring, as a tree."""

    def below(kind: type[TurnwiseError], depth: int) -> Iterator[list[str]]:
        yield ["&emsp;" * depth + f"`{kind.__name__}`", (kind.__doc__ or "").partition("\n")[0]]
        for child in kind.__subclasses__():
            if child.__module__ == "turnwise.errors":
                yield from below(child, depth + 1)

    return table(["error", "meaning"], list(below(TurnwiseError, 0)))


PARTS: dict[str, Callable[[], str]] = {
    "file map": file_map,
    "readers": readers,
    "recipes": recipes,
    "metrics": metrics,
    "errors": errors,
    **{f"keys of {kind.__name__}": keys(kind) for kind in (*TABLES_OF_RECIPES, Limits)},
    **{f"flags of {name}": lambda command=command: flags(command) for name, command in commands()},
}


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _default(value: object) -> str:
    return "" if value is None or value is False else f"`{value}`"


def _value(value: object) -> str:
    if value is MISSING:
        return "required"
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _type(hint: Any) -> str:
    options = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return ", ".join(f'`"{option}"`' for option in options)
    if typing.get_origin(hint) is tuple:
        return "list of texts"
    if options:
        return " or ".join(_type(option) for option in options if option is not type(None))
    return {int: "whole number", float: "number", str: "text", bool: "true or false"}[hint]


if __name__ == "__main__":
    main()
