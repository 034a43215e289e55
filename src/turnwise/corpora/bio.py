"""Words with tags in the usual B-, I-, O scheme, as a text with spans."""

from collections.abc import Sequence

from turnwise.dialogue import Span
from turnwise.errors import CorpusError


def tagged(words: Sequence[str], tags: Sequence[str]) -> tuple[str, tuple[Span, ...]]:
    """The words one space apart, and a span for each B- with the I- of its label behind it.

    An I- that goes on with nothing begins a span. Raises CorpusError when there are not as many tags as words, or for
    a tag of another form.
    """
    if len(words) != len(tags):
        raise CorpusError(f"there are {len(tags)} tags, expected {len(words)} as of words")
    spans: list[Span] = []
    at, goes_on = 0, False
    for word, tag in zip(words, tags, strict=True):
        kind, _, label = tag.partition("-")
        if tag != "O" and (kind not in ("B", "I") or not label):
            raise CorpusError(f"the tag {tag!r} is neither O nor B-LABEL nor I-LABEL")
        if kind == "I" and goes_on and spans[-1].label == label:
            spans[-1] = Span(spans[-1].start, at + len(word), label)
        elif tag != "O":
            spans.append(Span(at, at + len(word), label))
        goes_on = tag != "O"
        at += len(word) + 1
    return " ".join(words), tuple(spans)
