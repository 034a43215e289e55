import json
import shutil
from pathlib import Path
from typing import Any

import pytest

Console = Any


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_real_command_answers_with_reasons(turnwise: Any, trained: Path) -> None:
    done = turnwise("predict", trained, "track my order", "my card was stolen")
    assert (done.returncode, done.stderr) == (0, "")
    first, *rest = done.stdout.splitlines()
    assert first.startswith("track  ") and first.endswith("%  track my order")
    assert rest[0] == "    1.00  track: track my order"
    assert any(line.startswith("block  ") for line in rest)
    assert len(rest) == 7  # three neighbours each


def test_json_has_label_confidence_alternatives_and_neighbours(console: Console, small: Path) -> None:
    done = console("predict", small, "track my order", "--json")
    (found,) = lines(done.stdout)
    assert list(found) == ["text", "label", "labels", "confidence", "alternatives", "neighbours", "truncated"]
    assert (found["text"], found["label"], found["labels"]) == ("track my order", "track", ["track"])
    assert 0 <= found["confidence"] <= 1
    assert {row["label"] for row in found["alternatives"]} == {"track", "refund", "block"}
    assert found["neighbours"][0]["text"] == "track my order"
    assert found["neighbours"][0]["similarity"] == pytest.approx(1, abs=1e-5)
    assert found["truncated"] is False


def test_a_text_file_is_answered_line_by_line(console: Console, small: Path) -> None:
    (console.folder / "a.txt").write_bytes(b"\xef\xbb\xbftrack my order\r\n\nblock my card")
    done = console("predict", small, "--input", "a.txt", "--json")
    assert [found["text"] for found in lines(done.stdout)] == ["track my order", "", "block my card"]
    assert [found["label"] for found in lines(done.stdout)] == ["track", None, "block"]


@pytest.mark.parametrize("flags", [("-",), ("--input", "-")])
def test_standard_input_is_answered_line_by_line(console: Console, small: Path, flags: tuple[str, ...]) -> None:
    done = console("predict", small, *flags, "--json", typed="track my order\n我的包裹 🙂\n".encode())
    assert done.returncode == 0
    assert [found["text"] for found in lines(done.stdout)] == ["track my order", "我的包裹 🙂"]
    assert console("predict", small, *flags).stdout == ""


def test_a_table_is_read_by_its_columns(console: Console, small: Path) -> None:
    (console.folder / "me@shop.csv").write_text("body;n\ntrack my order;1\n")
    done = console("predict", small, "--input", "me@shop.csv", "--column", "text=body")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("track  ")


def test_dialogues_come_back_as_dialogues(console: Console, small: Path) -> None:
    dialogue = {
        "id": "a",
        "turns": [
            {"speaker": "customer", "text": "track my order", "labels": {"emotion": ["calm"]}},
            {"speaker": "agent", "text": "sure"},
        ],
        "profile": {"carrier": "x"},
    }
    (console.folder / "a.jsonl").write_text(json.dumps(dialogue) + "\n")
    done = console("predict", small, "--input", "a.jsonl", "--json")
    (found,) = lines(done.stdout)
    assert found["turns"][0]["labels"] == {"emotion": ["calm"], "intent": ["track"]}
    assert found["turns"][0]["evidence"]["intent"]["neighbours"][0]["text"] == "track my order"
    assert found["turns"][1] == {"speaker": "agent", "text": "sure"}
    assert found["profile"] == {"carrier": "x"}
    (console.folder / "answered.jsonl").write_text(done.stdout)
    again = console("evaluate", small, "--corpus", "answered.jsonl", "--json", "-")
    assert json.loads(again.stdout)["accuracy"] == 1  # what came out can be evaluated


def test_long_odd_and_blank_texts_are_answered(console: Console, small: Path) -> None:
    (console.folder / "a.txt").write_text("track it " * 120_000 + "\n🙂\n我的包裹在哪里\n   \n", encoding="utf-8")
    done = console("predict", small, "--input", "a.txt", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [found["truncated"] for found in lines(done.stdout)] == [True, False, False, False]
    assert lines(done.stdout)[3]["labels"] == []
    plain = console("predict", small, "--input", "a.txt").stdout
    assert "[only its beginning was read]" in plain
    assert max(map(len, plain.splitlines())) < 200


def test_control_characters_do_not_reach_the_terminal(console: Console, small: Path) -> None:
    done = console("predict", small, "track\x1b[31m my\norder")
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[0].endswith("track [31m my order")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 1, "give texts, or a file with --input, and not both"),
        (("a", "--input", "a.txt"), 1, "give texts, or a file with --input, and not both"),
        (("--input", "nowhere.txt"), 1, "cannot read nowhere.txt: No such file or directory"),
        (("--input", "nowhere.csv"), 1, "there is no file or folder nowhere.csv"),
        (("--input", "latin.txt"), 1, "latin.txt: line 2 is not UTF-8 (byte 2 is 0xfc); convert it"),
        (("--input", "latin.csv"), 1, "line 2: byte 7 of the file is 0xfc, which is not UTF-8"),
        (("--input", "empty.csv"), 1, "empty.csv is empty"),
        (("--input", "broken.jsonl"), 1, "line 1: not JSON"),
        (("--input", "binary.bin"), 1, "binary.bin"),
        (("a", "--engine", "tpu"), 1, "the engine is 'tpu'"),
        (("a", "--jsno"), 2, "No such option: --jsno"),
    ],
)
def test_what_cannot_be_read_says_why(
    console: Console, small: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    folder = console.folder
    (folder / "a.txt").write_text("hello\n")
    (folder / "latin.txt").write_bytes(b"hello\nGr\xfc\xdfe\n")
    (folder / "latin.csv").write_bytes(b"text\nGr\xfc\xdfe\n")
    (folder / "empty.csv").write_bytes(b"")
    (folder / "broken.jsonl").write_text("{\n")
    (folder / "binary.bin").write_bytes(b"\x00\x01\xff")
    done = console("predict", small, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr


def test_a_text_of_another_encoding_is_refused(console: Console, small: Path) -> None:
    done = console("predict", small, "track", b"Gr\xfc\xdfe".decode("utf-8", "surrogateescape"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: text 2 is not UTF-8: ")


def test_a_folder_given_with_a_trailing_slash_or_from_within_works(console: Console, small: Path) -> None:
    shutil.copytree(small, console.folder / "m")
    assert console("predict", "m/", "track my order").stdout.startswith("track")
