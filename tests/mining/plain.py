"""The same mining in plain Python, sentence by sentence: what the expressions must give."""

import hashlib
import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from turnwise.mining.settings import MiningSettings


class Phrase(NamedTuple):
    at: int
    length: int
    phrase: str
    score: float


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


def digest(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def split(text: str) -> tuple[list[str], list[str]]:
    """Words, and the gaps before each and at the end."""
    words, gaps = [""], [""]
    for character in text:
        if unicodedata.category(character)[0] in "LMN" or character in "_'’":
            words[-1] += character
        elif words[-1]:
            words.append("")
            gaps.append(character)
        else:
            gaps[-1] += character
    return [word for word in words if word], gaps if not words[-1] else [*gaps, ""]


def kept(texts: Iterable[tuple[str, str]], settings: MiningSettings) -> list[tuple[str, str]]:
    return [one for one in dict.fromkeys(texts) if settings.shortest <= len(one[1]) <= settings.longest]


def counted(texts: list[tuple[str, str]]) -> Counter[str]:
    return Counter(word for _, text in texts for word in split(text.lower())[0])


def keyphrases(
    text: str, counts: Counter[str], sentences: int, settings: MiningSettings, threshold: float
) -> list[Phrase]:
    words, gaps = split(text.lower())
    found = []
    for length in (1, 2, 3):
        for at in range(len(words) - length + 1):
            if any(gap != " " for gap in gaps[at + 1 : at + length]):
                continue
            total = sum(math.log(sentences / counts[word]) for word in words[at : at + length])
            found.append(
                Phrase(at, length, " ".join(words[at : at + length]), round(total / length**settings.alpha, 9))
            )
    found = [one for one in found if one.score > threshold and len(one.phrase) <= settings.share * len(text)]
    times = Counter(one.phrase for one in found)
    found = sorted((one for one in found if times[one.phrase] == 1), key=lambda one: (-one.score, -one.length, one.at))
    best = found[:1]
    for one in found[1:]:
        if len(best) < settings.most and (one.at >= best[0].at + best[0].length or one.at + one.length <= best[0].at):
            best.append(one)
    return best


def pairs(texts: list[tuple[str, str]], settings: MiningSettings, threshold: float) -> list[Pair]:
    counts = counted(texts)
    groups: dict[tuple[str, str, bool], list[tuple[str, str, Phrase]]] = defaultdict(list)
    for group, text in texts:
        test = digest(text)[:4] < f"{round(settings.test * 65536):04x}"
        for one in keyphrases(text, counts, len(texts), settings, threshold):
            groups[group, one.phrase, test].append((digest(text), text, one))
    made = []
    for (group, _, test), rows in groups.items():
        rows.sort(key=lambda row: row[:2])
        for (_, template, one), (_, other, two) in zip(rows[::2], rows[1::2], strict=False):
            pair = grown(group, test, template, one, other, two)
            if pair.template_end - pair.template_start <= settings.share * len(template) and (
                pair.input_end - pair.input_start <= settings.share * len(other)
            ):
                made.append(pair)
    return made


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
