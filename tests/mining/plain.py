"""The same mining in plain Python, sentence by sentence: what the expressions must give."""

import hashlib
import math
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from turnwise.mining.settings import MiningSettings

UNIT = 10**9


class Phrase(NamedTuple):
    at: int
    length: int
    phrase: str
    score: int


class Pair(NamedTuple):
    group: str
    test: bool
    words: int
    template: str
    template_start: int
    template_end: int
    input: str
    input_start: int
    input_end: int
    phrase: str


def letters() -> str:
    """The characters of words, as the inside of a class of a regular expression."""
    found = ["_'’"]
    start = None
    for code in range(sys.maxunicode + 2):
        inside = code <= sys.maxunicode and unicodedata.category(chr(code))[0] in "LMN"
        if inside and start is None:
            start = code
        if not inside and start is not None:
            found.append(f"{chr(start)}-{chr(code - 1)}")
            start = None
    return "".join(found)


WORD = re.compile(f"[{letters()}]+")


def digest(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def order(group: str, text: str) -> int:
    return int(digest(f"{group}\x1f{text}")[:18].translate(str.maketrans("abcdef", "012345")))


def is_test(text: str, settings: MiningSettings) -> bool:
    return digest(text)[:8] < f"{round(settings.test * 16**8):08x}"


def split(text: str) -> tuple[list[str], list[str]]:
    """Words, and the gaps before each and at the end."""
    return WORD.findall(text), WORD.split(text)


def kept(texts: Iterable[tuple[str, str]], settings: MiningSettings) -> list[tuple[str, str]]:
    return [one for one in dict.fromkeys(texts) if settings.shortest <= len(one[1]) <= settings.longest]


def counted(texts: list[tuple[str, str]]) -> Counter[str]:
    return Counter(word for _, text in texts for word in split(text.lower())[0])


def weights(texts: list[tuple[str, str]]) -> dict[str, int]:
    return {word: math.floor(math.log(len(texts) / count) * UNIT) for word, count in counted(texts).items()}


def keyphrases(text: str, weights: dict[str, int], settings: MiningSettings, threshold: float) -> list[Phrase]:
    words, gaps = split(text.lower())
    found = []
    for length in (1, 2, 3):
        for at in range(len(words) - length + 1):
            if any(gap != " " for gap in gaps[at + 1 : at + length]):
                continue
            score = math.floor(sum(weights[word] for word in words[at : at + length]) / length**settings.alpha)
            phrase = " ".join(words[at : at + length])
            if score > threshold and len(phrase) <= settings.share * len(text):
                found.append(Phrase(at, length, phrase, score))
    if not found:
        return []
    first = min(found, key=_order)
    apart = [one for one in found if one.at >= first.at + first.length or one.at + one.length <= first.at]
    return [first, min(apart, key=_order)] if apart and settings.most == 2 else [first]


def _order(one: Phrase) -> tuple[int, int, int]:
    return -one.score, -one.length, one.at


def pairs(texts: list[tuple[str, str]], settings: MiningSettings, threshold: float) -> list[Pair]:
    known = weights(texts)
    groups: dict[tuple[str, str, bool], list[tuple[int, str, Phrase]]] = defaultdict(list)
    for group, text in texts:
        test, number = is_test(text, settings), order(group, text)
        for one in keyphrases(text, known, settings, threshold):
            groups[group, one.phrase, test].append((number, text, one))
    made = []
    for (group, phrase, test), rows in groups.items():
        rows.sort(key=lambda row: (row[0], row[2].at))
        for (_, template, one), (_, other, two) in zip(rows[::2], rows[1::2], strict=False):
            if twice(phrase, template) or twice(phrase, other):
                continue
            pair = grown(group, test, template, one, other, two)
            if pair.template_end - pair.template_start <= settings.share * len(template) and (
                pair.input_end - pair.input_start <= settings.share * len(other)
            ):
                made.append(pair)
    return made


def twice(phrase: str, text: str) -> bool:
    words, gaps = split(text.lower())
    parts = phrase.split(" ")
    places = [at for at in range(len(words)) if words[at : at + len(parts)] == parts]
    return sum(all(gap == " " for gap in gaps[at + 1 : at + len(parts)]) for at in places) > 1


def grown(group: str, test: bool, template: str, one: Phrase, other: str, two: Phrase) -> Pair:
    words, gaps = split(template)
    words2, gaps2 = split(other)
    left = right = 0
    while (
        one.at - left > 0
        and two.at - left > 0
        and words[one.at - left - 1].lower() == words2[two.at - left - 1].lower()
        and gaps[one.at - left] == gaps2[two.at - left] == " "
    ):
        left += 1
    while (
        one.at + one.length + right < len(words)
        and two.at + two.length + right < len(words2)
        and words[one.at + one.length + right].lower() == words2[two.at + two.length + right].lower()
        and gaps[one.at + one.length + right] == gaps2[two.at + two.length + right] == " "
    ):
        right += 1
    bounds = []
    for phrase, parts, between in ((one, words, gaps), (two, words2, gaps2)):
        first, last = phrase.at - left, phrase.at + phrase.length + right - 1
        start = sum(map(len, parts[:first])) + sum(map(len, between[: first + 1]))
        end = sum(map(len, parts[: last + 1])) + sum(map(len, between[: last + 1]))
        bounds.append((start, end))
    (a, b), (c, d) = bounds
    return Pair(group, test, one.length + left + right, template, a, b, other, c, d, other[c:d].lower())
