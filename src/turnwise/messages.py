"""Words for messages."""

from collections.abc import Sequence
from difflib import get_close_matches


def nearest(given: str, valid: Sequence[str]) -> str:
    """``did you mean 'X'? Valid: X, Y, Z``; without the question when nothing is near."""
    listed = f"valid: {', '.join(valid)}" if valid else "there are none"
    near = get_close_matches(given, valid, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}? {listed[0].upper()}{listed[1:]}" if near else listed
