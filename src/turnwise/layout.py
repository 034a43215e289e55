"""Input formats: the tokens that say who speaks, and what the segments mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from turnwise.errors import InputError

UCI_TOKEN = "UCI_TOKEN"
"""Stands where a customer's personal data was; see ``turnwise.redaction``."""

FormatName = Literal["plain", "tod", "cs-bert"]
Segments = Literal["response", "speaker"]


@dataclass(frozen=True)
class Format:
    """The tokens that structure a dialogue; ``words`` give each new token its first embedding, the words' mean.

    ``opening`` marks the customer's first utterance, ``profile`` separates the metadata. The plain format has no
    such tokens: a separator stands between turns.
    """

    customer: str | None = None
    agent: str | None = None
    opening: str | None = None
    profile: str | None = None
    words: tuple[tuple[str, str], ...] = ()

    @property
    def tokens(self) -> tuple[str, ...]:
        """The special tokens that the tokenizer needs."""
        return tuple(token for token, _ in self.words)


FORMATS: Mapping[FormatName, Format] = {
    "plain": Format(),
    "tod": Format("[USR]", "[SYS]", "[USR]", None, (("[USR]", "user customer"), ("[SYS]", "system agent"))),
    "cs-bert": Format(
        "CUSTOMERSTART",
        "AGENTSTART",
        "INITIALQUESTION",
        "PROFILESTART",
        (
            ("CUSTOMERSTART", "customer says"),
            ("AGENTSTART", "agent says"),
            ("INITIALQUESTION", "customer question"),
            ("PROFILESTART", "profile"),
            (UCI_TOKEN, "name number"),
        ),
    ),
}


@dataclass(frozen=True)
class Layout:
    """``format``: TOD-BERT's or CS-BERT's speaker tokens, or none. ``segments``: the response is segment 1, or
    every agent turn is (CS-BERT 3.4, SSR)."""

    format: FormatName = "plain"
    segments: Segments = "response"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise InputError(f"format is {self.format!r}, expected one of {', '.join(FORMATS)}")
        if self.segments not in ("response", "speaker"):
            raise InputError(f"segments is {self.segments!r}, expected response or speaker")
