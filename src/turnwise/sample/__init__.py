"""A small annotated customer-service corpus, written for this project and shipped with it."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SPLITS = ("train", "dev", "test")
_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Response:
    """An approved response of the desk; `intents` is empty where it fits any request."""

    id: str
    text: str
    intents: tuple[str, ...]
    acts: tuple[str, ...]


def sample_path(split: str) -> Path:
    """Path of the JSON Lines file of a split: `train`, `dev` or `test`."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; use one of {', '.join(SPLITS)}")
    return _DATA / f"{split}.jsonl"


@cache
def responses() -> tuple[Response, ...]:
    """The pool of approved responses, in the order of their ids."""
    rows = json.loads((_DATA / "responses.json").read_text(encoding="utf-8"))
    return tuple(Response(row["id"], row["text"], tuple(row["intents"]), tuple(row["acts"])) for row in rows)


__all__ = ["SPLITS", "Response", "responses", "sample_path"]
