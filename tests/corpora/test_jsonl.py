import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from turnwise.corpora import read_corpus
from turnwise.dialogue import Dialogue, Turn, utterance
from turnwise.errors import CorpusError, InputError

GOOD = '{"id": "a", "turns": [{"speaker": "customer", "text": "hi"}]}'


def problems(path: Path) -> tuple[str, ...]:
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(str(path)))
    return caught.value.problems


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_packed_files_read_like_plain_ones(tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / f"shop.jsonl{suffix}").write_bytes(pack(b"\xef\xbb\xbf" + f"{GOOD}\r\n\n".encode()))
    expected = [Dialogue("a", (Turn("customer", "hi"),))]
    assert list(read_corpus(str(tmp_path / f"shop.jsonl{suffix}"))) == expected
    assert list(read_corpus(f"{tmp_path}/shop.jsonl")) == expected


def test_a_folder_has_one_split_for_each_file(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        (tmp_path / f"{split}.jsonl").write_text(GOOD.replace('"a"', f'"{split}"'))
    assert [d.id for d in read_corpus(f"jsonl:{tmp_path}")] == ["train"]
    assert [d.id for d in read_corpus(f"jsonl:{tmp_path}@validation")] == ["dev"]
    assert [d.id for d in read_corpus(f"jsonl:{tmp_path}@all")] == ["train", "dev"]


def test_every_problem_of_a_file_is_reported_with_its_line(tmp_path: Path) -> None:
    lines = [GOOD, '{"id": "b"', GOOD, '{"id": "c", "turns": []}', "[1]", '{"id": NaN}', "[" * 200_000]
    (tmp_path / "bad.jsonl").write_text("\n".join(lines))
    found = problems(tmp_path / "bad.jsonl")
    assert [problem.split(":")[0] for problem in found] == [
        "line 2",
        "line 3",
        "line 4",
        "line 5",
        *2 * ["line 6"],
        "line 7",
    ]
    assert found[0] == "line 2: not JSON: Expecting ',' delimiter at column 11"
    assert found[1] == "line 3: id 'a' is already used on line 1; ids must be unique"


def test_good_dialogues_come_before_the_error(tmp_path: Path) -> None:
    path = tmp_path / "half.jsonl"
    path.write_text(f"{GOOD}\nbroken\n")
    reading = read_corpus(str(path))
    assert next(reading).id == "a"
    with pytest.raises(CorpusError, match=rf"{path} has 1 problem:\n  line 2: not JSON"):
        next(reading)


def test_reading_stops_at_a_thousand_problems(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("broken\n" * 5000)
    with pytest.raises(CorpusError, match="has 1000 problems or more"):
        list(read_corpus(str(tmp_path / "bad.jsonl")))


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "empty.jsonl").write_text(content)
    with pytest.raises(CorpusError, match=r"empty.jsonl is empty; expected one dialogue a line"):
        list(read_corpus(str(tmp_path / "empty.jsonl")))


def test_bytes_that_are_not_utf8_are_named_with_line_and_offset(tmp_path: Path) -> None:
    first = f"{GOOD}\n".encode()
    second = GOOD.replace('"a"', '"b"').encode().replace(b"hi", b"\xe9t\xe9")
    (tmp_path / "latin.jsonl").write_bytes(first + second)
    (found,) = problems(tmp_path / "latin.jsonl")
    offset = len(first) + second.index(b"\xe9")
    assert found.startswith(f"line 2: byte {offset} of the file is 0xe9, which is not UTF-8; convert the file")
    assert "iconv -f WINDOWS-1252 -t UTF-8 latin.jsonl" in found


def test_a_nul_byte_is_named(tmp_path: Path) -> None:
    (tmp_path / "nul.jsonl").write_bytes(GOOD.replace("hi", "h\0i").encode())
    (found,) = problems(tmp_path / "nul.jsonl")
    assert found.startswith(f"line 1: byte {GOOD.index('hi') + 1} of the file is NUL")


def test_utf16_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "wide.jsonl").write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(CorpusError, match=r"wide.jsonl is UTF-16, not UTF-8; .*iconv -f UTF-16"):
        list(read_corpus(str(tmp_path / "wide.jsonl")))


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_a_packed_file_that_is_cut_off_is_an_error(tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    lines = "".join(f"{GOOD}\n".replace('"a"', f'"{number}"') for number in range(5000))
    whole = pack(lines.encode())
    for name, content in (("cut", whole[: len(whole) // 2]), ("plain", GOOD.encode())):
        path = tmp_path / f"{name}.jsonl.{suffix}"
        path.write_bytes(content)
        with pytest.raises(CorpusError, match=r"cannot be unpacked after line \d+: .* cut off or damaged"):
            list(read_corpus(str(path)))


def test_long_and_foreign_texts_pass_unchanged(tmp_path: Path) -> None:
    texts = ["x" * 1_000_000, "🙂👩‍👩‍👧", "我的包裹在哪里？", "", 'a\nb\tc"\\']
    lines = [
        json.dumps({"id": str(n), "turns": [{"speaker": "customer", "text": text}]}, ensure_ascii=n % 2 == 0)
        for n, text in enumerate(texts)
    ]
    (tmp_path / "long.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert [d.turns[0].text for d in read_corpus(str(tmp_path / "long.jsonl"))] == texts


def test_a_folder_without_jsonl_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no \.jsonl file"):
        read_corpus(f"jsonl:{tmp_path}")


def test_a_written_corpus_reads_back(tmp_path: Path) -> None:
    from turnwise.corpora.write import write_jsonl

    dialogues = [utterance("hi", ["greet"], id="1"), utterance("谢谢", [], id="2"), utterance("?", id="3")]
    for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.xz"):
        assert write_jsonl(dialogues, tmp_path / name) == 3
        assert list(read_corpus(str(tmp_path / name))) == dialogues
    before = (tmp_path / "a.jsonl.gz").read_bytes()
    write_jsonl(dialogues, tmp_path / "a.jsonl.gz")
    assert (tmp_path / "a.jsonl.gz").read_bytes() == before
