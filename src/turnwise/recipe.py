"""Recipes: TOML into the frozen dataclasses of an objective, its training and its inference."""

import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from turnwise.errors import InputError, RecipeError
from turnwise.messages import nearest

T = TypeVar("T")


def recipe_names() -> tuple[str, ...]:
    """The recipes shipped with the package."""
    folder = files("turnwise") / "recipes"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


def read_recipe(name: str) -> dict[str, Any]:
    """The tables of a shipped recipe or of a .toml file.

    Raises RecipeError when there is no such recipe or it is no TOML.
    """
    if name in recipe_names():
        text = (files("turnwise") / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
    elif name.endswith(".toml") and Path(name).is_file():
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"recipe {name}: cannot be read: {error}") from error
    else:
        raise RecipeError(f"there is no recipe {name!r}; {nearest(name, recipe_names())}; or name a .toml file")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"recipe {name}: not TOML: {error}") from error


def overridden(tables: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The tables with the keys of ``extra``'s tables in place of their own; what is no table stays for ``build``."""
    merged = dict(tables)
    for section, values in extra.items():
        both = isinstance(values, Mapping) and isinstance(merged.get(section, {}), Mapping)
        merged[section] = {**merged.get(section, {}), **values} if both else values
    return merged


def take_kind(tables: dict[str, Any], valid: Sequence[str], *, recipe: str) -> str:
    """Take ``kind`` out of [objective]; the first of ``valid`` when it is not given. Raises RecipeError."""
    objective = tables.get("objective", {})
    if not isinstance(objective, dict):
        return valid[0]
    kind = objective.get("kind", valid[0])
    if kind not in valid:
        raise RecipeError(f"recipe {recipe}: objective.kind is {kind!r}; {nearest(str(kind), valid)}")
    tables["objective"] = {key: value for key, value in objective.items() if key != "kind"}
    return str(kind)


def build(
    tables: dict[str, Any],
    sections: dict[str, type[Any]],
    *,
    recipe: str,
    valid: Sequence[str] = (),
    found: Sequence[str] = (),
) -> dict[str, Any]:
    """Make a dataclass of each table; ``sections`` maps a table's name to its class.

    A missing table gives the class's defaults. ``valid`` are the names that a table may have, when more than those of
    ``sections``; ``found`` are problems met before. Raises RecipeError with every wrong table, key and value at once,
    each with the nearest valid name.
    """
    problems = [*found] + [
        f"[{name}] is no table of this recipe; {nearest(name, list(valid or sections))}"
        for name in tables
        if name not in sections
    ]
    built: dict[str, Any] = {}
    for section, kind in sections.items():
        table = tables.get(section, {})
        if not isinstance(table, dict):
            problems.append(f"{section} is {table!r}, expected a table [{section}]")
            continue
        values = _checked(table, kind, section, problems)
        try:
            built[section] = kind(**values)
        except InputError as error:
            problems.append(f"[{section}] {error}")
    if problems:
        raise RecipeError("\n  ".join([f"recipe {recipe} has {len(problems)} problem(s):", *problems]))
    return built


def _checked(table: dict[str, Any], kind: type[Any], section: str, problems: list[str]) -> dict[str, Any]:
    types_of = typing.get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in names:
            problems.append(f"[{section}] {key} is not known; {nearest(key, names)}")
        elif not _fits(value, types_of[key]):
            problems.append(f"[{section}] {key} is {value!r}, expected {_described(types_of[key])}")
        else:
            values[key] = tuple(value) if isinstance(value, list) else value
    return values


def _fits(value: object, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, option) for option in typing.get_args(hint))
    if origin is tuple:
        return isinstance(value, list) and all(_fits(item, typing.get_args(hint)[0]) for item in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(hint, type) and isinstance(value, hint)


def _described(hint: Any) -> str:
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(hint)))
    if origin in (typing.Union, types.UnionType):
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        return " or ".join(_described(option) for option in options)
    if origin is tuple:
        return f"a list, each of it {_described(typing.get_args(hint)[0])}"
    return {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}.get(hint, str(hint))
