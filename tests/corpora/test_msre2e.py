"""MSR-E2E: on sessions written for the test, and the published figures."""

import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.msre2e import READER
from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")
HEADER = "session.ID\tMessage.ID\tMessage.Timestamp\tMessage.From\tMessage.Text"
AT = "2020-01-01T10:00:00Z"
MOVIES = f"""{HEADER}\tDialog-Acts\t\t
1\t1\t{AT}\tuser\tTwo for Moon Dust, when is it on?\trequest(ticket;starttime;numberofpeople=2)\tgreeting()\t
1\t2\t{AT}\tagent\tAt 8 or 9?\tmultiple_choice(starttime={{8#9}})\tinform(day=today (Monday))\tinform(a=b)
2\t1\t{AT}\tuser\tHello\t\t\t
2\t2\t{AT}\tagent\t\trequest(mc_list={{a=1||b={{2;3}};c}}; date )\t\t
"""
TAXIS = f"""{HEADER}\tAnnotation_Result
1\t1\t{AT}\tuser\t"a ""big"" cab,\nplease"\tinform(taskcomplete) thanks()\trequest(taxi)
"""


def read(path: Path) -> list[Dialogue]:
    return list(READER.read(path, "all", DEFAULT_COLUMNS))


def test_every_table_is_read(tmp_path: Path) -> None:
    (tmp_path / "taxi_all.tsv").write_text(TAXIS, encoding="utf-8")
    (tmp_path / "movie_all.tsv.gz").write_bytes(gzip.compress(MOVIES.encode("utf-8-sig")))
    (tmp_path / "notes.tsv").write_text("other\n")
    assert READER.splits(tmp_path) == ("all",)
    first, second, taxi = read(tmp_path)
    assert first == Dialogue(
        "msre2e:all:movie-1",
        (
            Turn(
                "customer",
                "Two for Moon Dust, when is it on?",
                labels={"acts": ("request", "greeting"), "requested": ("ticket", "starttime")},
            ),
            Turn("agent", "At 8 or 9?", labels={"acts": ("multiple_choice", "inform"), "requested": ()}),
        ),
        {"domains": ("movie",)},
    )
    assert second.id == "msre2e:all:movie-2"
    assert second.turns == (
        Turn("customer", "Hello"),
        Turn("agent", "", labels={"acts": ("request",), "requested": ("date",)}),
    )
    assert (taxi.id, taxi.labels) == ("msre2e:all:taxi-1", {"domains": ("taxi",)})
    labels = {"acts": ("inform", "thanks", "request"), "requested": ("taxi",)}
    assert taxi.turns == (Turn("customer", 'a "big" cab,\nplease', labels=labels),)
    assert read(tmp_path / "movie_all.tsv") == [first, second]


def test_broken_rows_are_named_and_other_sessions_read(tmp_path: Path) -> None:
    rows = [
        "1\t1\tt\tbot\thi\tgreeting()",
        "2\t1\tt\tuser\thi\tgreeting(",
        "3\t1\tt\tuser\thi",
        "1\t2\tt\tuser\thi\tgreeting()",
        "",
        "4\t1\tt\tuser",
        '5\t1\tt\tuser\t"never closed',
    ]
    file = tmp_path / "taxi_all.tsv"
    file.write_text("\n".join([HEADER, *rows]))
    found = []
    with pytest.raises(CorpusError) as caught:
        for dialogue in READER.read(tmp_path, "all", DEFAULT_COLUMNS):
            found.append(dialogue.id)
    assert found == ["msre2e:all:taxi-3"]
    assert caught.value.problems[:4] == (
        "line 2: Message.From is 'bot', expected user or agent",
        "line 3: the act is 'greeting(', expected NAME(SLOT=VALUE;SLOT)",
        "line 7: number of cells 4, expected 5 and the acts",
        "line 8: not a table of tab-separated cells: unexpected end of data",
    )
    assert caught.value.problems[4].startswith("line 5: id 'msre2e:all:taxi-1' is already used on line 2")
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize("content", ["", "session.ID\ttext\n", '"open'])
def test_other_tables_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "movie_all.tsv").write_text(content)
    with pytest.raises(CorpusError, match=r"movie_all.tsv"):
        read(tmp_path)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds none of movie_all.tsv, restaurant_all.tsv, taxi_all.tsv"):
        READER.splits(tmp_path)


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published_figures() -> None:
    """10,087 sessions in three domains; every row of the tables is a turn."""
    talks = read(Path(DATA or "") / "msre2e")
    domains = Counter(talk.id.split(":")[2].split("-")[0] for talk in talks)
    assert domains == {"movie": 2_890, "restaurant": 4_103, "taxi": 3_094}
    assert len({talk.id for talk in talks}) == 10_087
    turns = [turn for talk in talks for turn in talk.turns]
    assert len(turns) == 21_656 + 29_719 + 23_311
    assert Counter(turn.speaker for turn in turns) == {
        "customer": 11_060 + 15_304 + 11_904,
        "agent": 10_596 + 14_415 + 11_407,
    }
    assert sum(not turn.text for turn in turns) == 1
    assert sum("acts" not in turn.labels for turn in turns) == 2
    acts = Counter(act for turn in turns if isinstance(names := turn.labels.get("acts"), tuple) for act in names)
    assert len(acts) == 11
