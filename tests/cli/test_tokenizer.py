import json
from typing import Any

from transformers import AutoTokenizer

Console = Any


def chats(console: Console) -> str:
    texts = [("我的包裹在哪里？", "今天到"), ("where is my parcel", "it comes today")] * 4
    content = ""
    for number, (customer, agent) in enumerate(texts):
        turns = [{"speaker": "customer", "text": customer}, {"speaker": "agent", "text": agent}]
        content += json.dumps({"id": str(number), "turns": turns}, ensure_ascii=False) + "\n"
    (console.folder / "chats.jsonl").write_text(content, encoding="utf-8")
    return "chats.jsonl"


def test_a_tokenizer_of_two_languages(console: Console) -> None:
    done = console("tokenizer", "--corpus", chats(console), "-o", "words", "--vocabulary", "200")
    assert (done.returncode, done.stderr) == (0, "")
    assert " word pieces from 16 turns, " in done.stdout
    assert "0.00% of the words are [UNK]; tokenizer written to words" in done.stdout
    assert "--tokenizer words" in done.stdout
    tokenizer = AutoTokenizer.from_pretrained(console.folder / "words")
    assert tokenizer.tokenize("我的 parcel") == ["我", "的", "parcel"]
    assert len(tokenizer) <= 200


def test_corpora_and_conditions(console: Console) -> None:
    name = chats(console)
    done = console("tokenizer", "--corpus", name, "--corpus", name, "--where", "words>4", "-o", "words")
    assert "from 16 turns, 56 words" in done.stdout  # 4 dialogues in each of the two, with 4 + 3 words


def test_what_cannot_be_used_says_why(console: Console) -> None:
    name = chats(console)
    for wrong, message in [
        (("--corpus", name, "--vocabulary", "10"), "vocabulary is 10, expected at least 100"),
        (("--corpus", "nowhere.jsonl"), "there is no file or folder nowhere.jsonl"),
        (("--corpus", name, "--where", "turns>9"), "turns>9: 0 of 8 dialogues; it lies between 2 and 2"),
    ]:
        done = console("tokenizer", *wrong, "-o", "words")
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr
        assert not (console.folder / "words").exists()
    (console.folder / "words").mkdir()
    (console.folder / "words" / "notes.txt").write_text("mine")
    done = console("tokenizer", "--corpus", name, "-o", "words")
    assert "cannot write words: it holds other things" in done.stderr


def test_mined_sentences(console: Console) -> None:
    done = console("mine", "sample", "-o", "pairs", "--threads", "1")
    assert done.returncode == 0
    done = console("tokenizer", "--pairs", "pairs", "-o", "words", "--vocabulary", "400")
    assert (done.returncode, done.stderr) == (0, "")
    assert " sentences, " in done.stdout
    assert "--recipe pairwise-cloze-tuned --tokenizer words --size convert --pairs pairs -o DECODER" in done.stdout
    assert (
        "--corpus is of dialogues" in console("tokenizer", "--pairs", "pairs", "--corpus", "sample", "-o", "w").stderr
    )
    assert "there is nothing to learn from" in console("tokenizer", "-o", "w").stderr
