"""Presidio's synthetic data, version 2: texts with personal data, filled into templates (microsoft/presidio-research).

One JSON list, synth_dataset_v2.json. Each text is a dialogue of one turn, said by nobody; its spans are ``pii``, in the
publisher's own names. A few texts hold places that the publisher left unfilled, such as ``{street_name}``, and some
spans hold two things at once: both stay as they are.

The texts of one template differ in their values alone, and the publisher gives no parts. So each template goes whole
to one split, by the last digit of the number that the first eight bytes of the SHA-256 of its id are: 0 to 6 train, 7
dev, 8 and 9 test. ``template`` on the dialogue is that id.
"""

import hashlib
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import read_rows
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import file_in
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue
from turnwise.dialogue_json import from_json

_FILE = "synth_dataset_v2.json"
_SPLITS = ("train",) * 7 + ("dev",) + ("test",) * 2


def splits(path: Path) -> tuple[str, ...]:
    """train, dev, test: no two have a template in common."""
    file_in(path, _FILE)
    return ("train", "dev", "test")


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the texts of one split."""
    numbers = count()
    return read_rows(file_in(path, _FILE), partial(_dialogue, split, numbers))


def split_of(template: int) -> str:
    """The split that a template goes to."""
    digest = hashlib.sha256(str(template).encode()).digest()
    return _SPLITS[int.from_bytes(digest[:8], "big") % 10]


def _dialogue(split: str, numbers: Iterator[int], row: object, at: str, problems: Problems) -> Dialogue | None:
    number = next(numbers)
    match row:
        case {"full_text": str(text), "template_id": int(template), "spans": [*items]}:
            if split_of(template) != split:
                return None
            spans: list[tuple[int, int, str]] = []
            for place, item in enumerate(items):
                match item:
                    case {"start_position": int(start), "end_position": int(end), "entity_type": str(label)}:
                        spans.append((start, end, label))
                    case _:
                        expected = "start_position, end_position and entity_type"
                        problems.add(f"{at}: spans[{place}] is {item!r:.60}, expected {expected}")
            marked = [{"start": start, "end": end, "label": label} for start, end, label in sorted(spans)]
            turn = {"speaker": None, "text": text, "spans": {"pii": marked}}
            return from_json(
                {"id": f"presidio:{split}:{number}", "turns": [turn], "labels": {"template": template}}, place=at
            )
    problems.add(f"{at} is {row!r:.60}, expected full_text, template_id and spans")
    return None


READER = Reader(
    name="presidio",
    description="Presidio's synthetic personal data; PATH is the folder of synth_dataset_v2.json or the file; "
    "train, dev, test, which share no template",
    layers=("pii", "template"),
    source="microsoft/presidio-research, synth_dataset_v2",
    licence="MIT; fake identities CC BY-SA 3.0 US",
    splits=splits,
    read=read,
)
