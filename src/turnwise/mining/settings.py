"""What mining may be told."""

from dataclasses import dataclass

from turnwise.errors import InputError

LONGEST = 10_000
"""Characters of a sentence: so many places a keyphrase's key has room for."""


@dataclass(frozen=True)
class MiningSettings:
    """``shortest`` to ``longest`` are characters of a sentence, ``alpha`` is that of the score of a keyphrase.

    Keyphrases score above ``threshold``; where it is None it is chosen so that a sentence has ``keyphrases`` of them in
    the mean, at most ``most``. ``share`` of keyphrase and sentence: one that is longer is left out. ``test`` is the
    share of the sentences that test pairs are made of.

    Raises InputError. Source: ConVEx, section 2.2 and Table 2.
    """

    shortest: int = 9
    longest: int = 127
    alpha: float = 0.8
    keyphrases: float = 1.65
    threshold: float | None = None
    most: int = 2
    share: float = 0.5
    test: float = 0.05

    def __post_init__(self) -> None:
        if not 1 <= self.shortest <= self.longest <= LONGEST:
            raise InputError(
                f"sentences have {self.shortest} to {self.longest} characters, expected at least 1, at most "
                f"{LONGEST:,} and the least first"
            )
        if self.most not in (1, 2):
            raise InputError(f"most is {self.most}, expected 1 or 2 keyphrases of a sentence")
        if self.threshold is None and not 0 < self.keyphrases < self.most:
            raise InputError(f"keyphrases is {self.keyphrases}, expected more than 0 and less than {self.most}")
        for name in ("share", "test"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}, expected a share between 0 and 1")
