import json
import subprocess
from collections.abc import Callable

from turnwise.corpora import READERS

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_every_reader_is_listed_in_the_table_and_no_line_is_wider_than_a_wide_terminal(turnwise: Run) -> None:
    done = turnwise("corpora")
    assert (done.returncode, done.stderr) == (0, "")
    first_cells = [line.split("│")[1].strip() for line in done.stdout.splitlines() if line.startswith("│")]
    assert [cell for cell in first_cells if cell] == [reader.name for reader in READERS]
    assert max(map(len, done.stdout.splitlines())) <= 160


def test_json_has_everything_uncut(turnwise: Run) -> None:
    listed = json.loads(turnwise("corpora", "--json").stdout)
    assert [entry["reader"] for entry in listed] == [reader.name for reader in READERS]
    jsonl = next(entry for entry in listed if entry["reader"] == "jsonl")
    assert jsonl["suffixes"] == [".jsonl"]
    for entry, reader in zip(listed, READERS, strict=True):
        assert entry["description"] == reader.description
        assert entry["layers"] == list(reader.layers)
        assert (entry["source"], entry["licence"]) == (reader.source, reader.licence)
