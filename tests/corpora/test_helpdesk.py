"""Exports of helpdesk tools, one message a row, on rows written for the test."""

from pathlib import Path

import pytest

from turnwise.corpora.columns import Columns, parse_columns
from turnwise.corpora.helpdesk import READER
from turnwise.corpora.times import parse_time
from turnwise.dialogue import Dialogue
from turnwise.errors import CorpusError, InputError


def read(path: Path, content: str, *given: str) -> list[Dialogue]:
    path.write_text(content, encoding="utf-8")
    (split,) = READER.splits(path)
    return list(READER.read(path, split, parse_columns(given)))


def talk(dialogue: Dialogue) -> list[tuple[str | None, str]]:
    return [(turn.speaker, turn.text) for turn in dialogue.turns]


def problems(path: Path, content: str, *given: str) -> tuple[str, ...]:
    with pytest.raises(CorpusError) as caught:
        read(path, content, *given)
    return caught.value.problems


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "desk.csv"


def test_rows_of_a_conversation_are_its_turns_wherever_they_stand(path: Path) -> None:
    content = (
        "conversation_id,speaker,text\n"
        'b,Customer,"lamp\nbroken"\na,user,where is it?\nb,AGENT,"sorry, we send one"\na,bot, on its way \n'
    )
    first, second = read(path, content)
    assert (first.id, second.id) == ("helpdesk:desk:b", "helpdesk:desk:a")
    assert talk(first) == [("customer", "lamp\nbroken"), ("agent", "sorry, we send one")]
    assert talk(second) == [("customer", "where is it?"), ("agent", " on its way ")]
    assert first.turns[0].labels == {}


@pytest.mark.parametrize(
    ("late", "early"),
    [
        ("2017-10-31 22:10:47", "2017-10-31T09:10:47"),
        ("2017-10-31T22:10:47+02:00", "2017-10-31T20:10:46Z"),
        ("2017-10-31 22:10:47 UTC", "2017-10-31 23:10:46 +0200"),
        ("Wed Nov 01 00:00:01 +0000 2017", "Tue Oct 31 22:10:47 +0000 2017"),
        ("10", "9"),
        ("1509487847.5", "1509487847"),
        ("1509487847000", "1509487846999"),
    ],
)
def test_turns_are_in_order_of_time(path: Path, late: str, early: str) -> None:
    (only,) = read(path, f"conversation_id,speaker,text,time\n1,agent,b,{late}\n1,user,a,{early}\n")
    assert talk(only) == [("customer", "a"), ("agent", "b")]


def test_equal_times_keep_the_order_of_the_file(path: Path) -> None:
    (only,) = read(path, "conversation_id,speaker,text,time\n1,user,z,5\n1,user,a,5\n1,agent,m,4\n")
    assert [turn.text for turn in only.turns] == ["m", "z", "a"]


def test_a_time_column_of_another_name_counts_only_when_named(path: Path) -> None:
    content = "conversation_id,speaker,text,sent\n1,agent,b,2\n1,user,a,1\n"
    assert [turn.text for turn in read(path, content)[0].turns] == ["b", "a"]
    assert [turn.text for turn in read(path, content, "time=Sent")[0].turns] == ["a", "b"]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1970-01-02", ("date", 86_400.0)),
        ("1970-01-01T01:00:00.5+01:00", ("date", 0.5)),
        ("Thu Jan 01 00:01:00 +0000 1970", ("date", 60.0)),
        (" 12 ", ("number", 12.0)),
        ("1e3", ("number", 1000.0)),
        ("10/31/2017 22:10", None),
        ("nan", None),
        ("1e999", None),
        ("", None),
    ],
)
def test_times(cell: str, expected: tuple[str, float] | None) -> None:
    assert parse_time(cell) == expected


def test_columns_are_mapped_and_labels_are_intents_of_customers(path: Path) -> None:
    content = (
        "ticket;from;body;topic\n7;user;where?;late|damaged\n7;agent;soon;late\n7;user;ok;\n7;user;tell a joke;oos\n"
    )
    (only,) = read(path, content, "conversation=ticket", "speaker=from", "text=body", "label=topic")
    assert [turn.labels for turn in only.turns] == [{"intent": ("late", "damaged")}, {}, {}, {"intent": ()}]
    assert only.id == "helpdesk:desk:7"


def test_a_label_column_that_is_not_named_is_not_read(path: Path) -> None:
    (only,) = read(path, "conversation_id,speaker,text,category\n1,user,hi,billing\n")
    assert only.turns[0].labels == {}


@pytest.mark.parametrize(("header", "customer", "agent"), [("inbound", "True", "False"), ("is_agent", "0", "1")])
def test_true_and_false_follow_the_header(path: Path, header: str, customer: str, agent: str) -> None:
    content = f"conversation_id,{header},text\n1,{customer},hi\n1,{agent},hello\n"
    assert talk(read(path, content, f"speaker={header}")[0]) == [("customer", "hi"), ("agent", "hello")]


def test_true_and_false_say_nothing_under_another_header(path: Path) -> None:
    first, second = problems(path, "conversation_id,speaker,text\n1,True,hi\n1,False,hello\n1,True,?\n")
    assert first == (
        "line 2 and 1 more: the speaker 'True' is not known as customer or agent; say who it is: "
        "--column 'agent=True' (or customer=, or skip= to leave the rows out); several are joined by |, "
        "and * is every other one"
    )
    assert second == "line 3: the speaker 'False' is not known as customer or agent"


NAMES = "conversation_id,speaker,text\n1,Ann,hi\n1,note,call her\n1,Zoe,hello\n1,Max,me too\n1,,?\n"


def test_speakers_are_mapped(path: Path) -> None:
    expected = [("customer", "hi"), ("agent", "hello"), ("agent", "me too"), ("customer", "?")]
    assert talk(read(path, NAMES, "agent=zoe | Max", "customer=*", "skip=note")[0]) == expected


def test_what_the_user_says_of_a_speaker_wins_over_the_known_names(path: Path) -> None:
    content = "conversation_id,speaker,text\n1,user,hello\n1,Ann,hi\n"
    assert talk(read(path, content, "agent=user", "customer=*")[0]) == [("agent", "hello"), ("customer", "hi")]


def test_conversations_without_problems_come_before_the_error(path: Path) -> None:
    content = (
        "id,conversation_id,speaker,text,time\n"
        "m1,1,user,hi,2\nm2,2,user,hi,1\nm3,2,Zoe,hello,x\nm4,1,agent,hello,3\nm5,3,user,hm,2017-10-31\n"
        "m1,4,user,twice,1\nm6, ,user,lost,1\nm7,1\n"
    )
    path.write_text(content, encoding="utf-8")
    found = READER.read(path, "desk", Columns(id="id"))
    assert next(found).id == "helpdesk:desk:1"
    with pytest.raises(CorpusError) as caught:
        next(found)
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "line 4: the time 'x' cannot be read",
        "line 6: the time '2017-10-31' is a date, the rows before have a number",
        "line 7: id 'm1' is already used on line 2",
        "line 8: the cell of 'conversation_id' is empty",
        "line 9: number of cells 2, expected 5 as in the header",
        "line 4: the speaker 'Zoe' is not known as customer or agent",
    ]


def test_missing_columns_say_how_to_name_them(path: Path) -> None:
    assert problems(path, "ticket,text\n1,hi\n", "time=sent") == (
        "no column 'conversation_id' among 'ticket', 'text'; "
        "name the one that holds the conversation: --column conversation=HEADER",
        "no column 'speaker' among 'ticket', 'text'; name the one that holds the speaker: --column speaker=HEADER",
        "no column 'sent' among 'ticket', 'text'; name the one that holds the time: --column time=HEADER",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected a header"),
        ("conversation_id,speaker,text\n", "has a header but no rows"),
        ("conversation_id,text,speaker,text\n1,a,b,c\n", r"two columns 'text' \(number 2 and 4\)"),
    ],
)
def test_files_that_are_no_export_are_errors(path: Path, content: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read(path, content)


def test_a_folder_has_a_split_for_each_file(tmp_path: Path) -> None:
    for name in ("test.tsv", "train.csv"):
        (tmp_path / name).write_text("conversation_id\tspeaker\ttext\n1\tuser\thi\n", encoding="utf-8")
    assert READER.splits(tmp_path) == ("train", "test")
    (only,) = READER.read(tmp_path, "test", Columns())
    assert only.id == "helpdesk:test:1"
    with pytest.raises(InputError, match="there is no file or folder"):
        READER.splits(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["agent=Zoe", "customer=zoe"], "--column agent and --column customer both name the speaker 'zoe'; choose one"),
        (["agent=*", "skip=a|*"], r"--column agent and --column skip both name the speaker '\*'"),
        (["agent= | "], r"--column agent= \|  names no speaker; write for example --column agent=Zoe"),
        (["spaeker=x"], "did you mean 'speaker'"),
    ],
)
def test_flags_that_cannot_be_read_are_explained(given: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_columns(given)
