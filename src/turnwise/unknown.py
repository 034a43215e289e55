"""Words that an encoder has no pieces for: it was made for another language, and what it learns of them is nothing."""

from collections.abc import Sequence

from turnwise.encoder import Encoder

MUCH = 0.05
"""Share of unknown tokens from which people are warned: text in the encoder's language has a thousandth."""
_READ = 2_000


def unknown_share(texts: Sequence[str], encoder: Encoder) -> float:
    """The share of the tokens that stand for unknown characters, of 2,000 texts at most, evenly taken."""
    taken = texts[:: max(1, len(texts) // _READ)]
    ids = [number for one in encoder.codec.plain_ids(taken) for number in one]
    return ids.count(encoder.codec.tokenizer.unk_token_id) / len(ids) if ids else 0.0


def unknown_warning(texts: Sequence[str], encoder: Encoder) -> str | None:
    """What to tell people whose texts the encoder can hardly read; None where it can."""
    share = unknown_share(texts, encoder)
    if share < MUCH:
        return None
    return (
        f"{share:.0%} of the tokens of these texts are unknown to the encoder {encoder.name}, which was made for "
        "another language or alphabet; answers will be poor. Name an encoder of the texts' language with --encoder"
    )
