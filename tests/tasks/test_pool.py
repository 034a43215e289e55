"""Pools of responses: from dialogues, from files, and what cannot be one."""

from pathlib import Path

import pytest

from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError
from turnwise.tasks.pool import Pool, Response, dialogue_pool, read_pool


def talk(*said: tuple[str, str | None]) -> Dialogue:
    """Agents' turns with the label of each, a customer before them."""
    turns = [Turn("agent", text, labels={} if label is None else {"response": label}) for text, label in said]
    return Dialogue("d", (Turn("customer", "hello"), *turns))


def test_texts_that_are_equal_but_for_case_and_blanks_are_one_response_and_reported() -> None:
    pool = Pool.of(
        [
            Response("a", "Hello there."),
            Response("b", "Goodbye."),
            Response("c", " hello  THERE. "),
            Response("d", " "),
        ],
        source="test",
    )
    assert [response.id for response in pool.responses] == ["a", "b"]
    assert (pool.merged, pool.repeated) == ({"c": "a"}, 1)
    assert pool.find(Turn("agent", "whatever", labels={"response": "c"}), "response") == 0
    assert pool.find(Turn("agent", "GOODBYE."), "response") == 1
    assert pool.find(Turn("agent", "never said"), "response") is None
    assert Pool.from_json(pool.to_json()) == pool


def test_an_empty_pool_and_an_id_of_two_texts_are_refused() -> None:
    with pytest.raises(InputError, match="test holds 0 responses, expected at least 1"):
        Pool.of([Response("a", "  ")], source="test")
    with pytest.raises(InputError, match="the id 'a' stands for two texts, 'one' and 'two'"):
        Pool.of([Response("a", "one"), Response("a", "two")], source="test")


def test_labels_name_the_responses_of_dialogues_and_the_most_frequent_text_stands_for_one() -> None:
    pool = dialogue_pool([talk(("bye now", "r2"), ("hi!", "r1"), ("hi", "r1"), ("hi", "r1"), ("typed", None))])
    assert [(one.id, one.text, one.count) for one in pool.responses] == [("r1", "hi", 3), ("r2", "bye now", 1)]
    acts = Dialogue("a", (Turn("agent", "ok", labels={"acts": ("confirm",)}), Turn("agent", "x", labels={"acts": ()})))
    assert [one.id for one in dialogue_pool([acts], "acts").responses] == ["confirm"]


def test_without_labels_every_text_is_a_response_with_its_count() -> None:
    pool = dialogue_pool([talk(("one moment", None), ("done", None), ("One  moment", None))])
    assert [(one.id, one.text, one.count) for one in pool.responses] == [
        ("one moment", "one moment", 2),
        ("done",) * 2 + (1,),
    ]
    with pytest.raises(CorpusError, match='speaker "agent"'):
        dialogue_pool([Dialogue("d", (Turn("customer", "hi"), Turn("agent", " ")))])


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", "Hello.\n\n Goodbye. \nhello.\n", [("Hello.", "Hello."), ("Goodbye.", "Goodbye.")]),
        ("a.jsonl", '"Ja."\n{"text": "Bye", "id": "b"}\n{"response": "A"}\n', [("Ja.",) * 2, ("b", "Bye"), ("A",) * 2]),
        ("a.csv", 'id,response\nr1,"Yes, of course."\nr2,No.\n', [("r1", "Yes, of course."), ("r2", "No.")]),
        ("a.tsv", "text\nYes.\n", [("Yes.", "Yes.")]),
    ],
)  # fmt: skip
def test_files_of_responses(tmp_path: Path, name: str, content: str, expected: list[tuple[str, str]]) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert [(one.id, one.text) for one in read_pool(tmp_path / name).responses] == expected


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"\n\n", "holds 0 responses"),
        ("a.txt", b"Caf\xe9\n", "line 1: byte 3 of the file is 0xe9"),
        ("a.jsonl", b'3\n{"id": "x"}\n', "2 problems"),
        ("a.csv", b"label\nx\n", "expected one called text or response"),
        ("a.doc", b"x", "expected a file that ends in .txt, .jsonl, .csv, .tsv, or sample"),
    ],
)
def test_files_that_are_no_pool(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises((CorpusError, InputError), match=said.replace(".", r"\.")):
        read_pool(tmp_path / name)


def test_a_file_that_is_not_there_and_the_pool_of_the_sample() -> None:
    with pytest.raises(InputError, match=r"there is no file none\.txt"):
        read_pool("none.txt")
    assert len(read_pool("sample")) > 200
