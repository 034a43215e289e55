"""What every saved model has: task.json, checked before anything else of the folder is believed."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from turnwise.errors import ModelError, TaskMismatchError

FORMAT = 1
MARKS = ("task.json",)
"""What a folder must hold for a new model to take its place."""
Arrays = Mapping[str, NDArray[Any]]


def write_task(folder: Path, task: str, content: Mapping[str, Any]) -> str:
    """Write task.json with the SHA-256 of every other file, and return the model's version: its short hash."""
    files = {
        str(path.relative_to(folder)): digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in {"task.json", "README.md"}
    }
    version = hashlib.sha256(json.dumps([content, files], sort_keys=True).encode()).hexdigest()[:12]
    document = {"format": FORMAT, "task": task, "version": version, **content, "files": files}
    (folder / "task.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return version


def read_task(folder: Path, task: str) -> dict[str, Any]:
    """The content of task.json, when the folder is whole and of this task.

    Raises ModelError when there is no model, it is of another format, or a file is missing or changed;
    TaskMismatchError when it is of another task.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelError(
            f"there is no model folder {folder}; make one with: turnwise fit {task} --corpus C -o {folder}"
        )
    try:
        document = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{folder} is no model folder: it has no task.json") from None
    except OSError as error:
        raise ModelError(f"cannot read {folder / 'task.json'}: {error.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{folder / 'task.json'} is broken ({error}); fit or copy the model again") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else document
        raise ModelError(f"{folder / 'task.json'} has format {found!r}, this turnwise reads {FORMAT}")
    if document.get("task") != task:
        raise TaskMismatchError(f"{folder} holds a model of the task {document.get('task')!r}, expected {task!r}")
    files = document.get("files")
    if not isinstance(files, dict):
        raise ModelError(f"{folder / 'task.json'} has no list of files; fit or copy the model again")
    for name, expected in files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            raise ModelError(f"{folder} is not whole: {name} is missing; fit or copy the model again")
        if digest(path) != expected:
            raise ModelError(f"{path} is damaged: its SHA-256 is not the one in task.json; fit or copy the model again")
    return document


def named_task(folder: Path) -> str | None:
    """The task that a folder's task.json names; None where nothing readable does."""
    try:
        name = json.loads((Path(folder) / "task.json").read_text(encoding="utf-8"))["task"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


def task_of(folder: Path, known: tuple[str, ...]) -> str:
    """The task of a model folder; the first of ``known`` where task.json does not say, so that ``read_task`` objects.

    Raises TaskMismatchError when it is none of them.
    """
    name = named_task(folder)
    if name is None:
        return known[0]
    if name not in known:
        raise TaskMismatchError(f"{folder} holds a model of the task {name!r}, expected one of {', '.join(known)}")
    return name


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write named arrays as safetensors."""
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read what ``write_arrays`` wrote. Raises ModelError when it cannot be."""
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"cannot read {path}: {error}; fit or copy the model again") from None


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
