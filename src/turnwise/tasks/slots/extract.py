"""What the pre-trained decoder takes for a value, before anything is fitted."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder
from turnwise.span_crf import spans_of_columns
from turnwise.tasks.slots.fit import start
from turnwise.tasks.slots.recipe import Slots
from turnwise.tasks.slots.sentences import sentences, span_of
from turnwise.tasks.slots.states import encode
from turnwise.tasks.slots.train import Material, scores

Found = tuple[int, int, float]


def extract(texts: Sequence[str], encoder: Encoder, slots: Slots | None = None) -> list[Found | None]:
    """For each text the characters, from and up to, of what stands out in it, with their probability; None for nothing.

    The text is the template too, as in fitting. Source: ConVEx, section 4 and figure 5.
    """
    chosen = replace(slots or Slots(), names=False)
    reader, stack = start(chosen, encoder, 0)
    given = [Dialogue(f"text:{number}", (Turn(None, text),)) for number, text in enumerate(texts)]
    asked = sentences(given, reader.codec, whole=False, gold=False)
    found: list[Found | None] = [None] * len(texts)
    if not asked:
        return found
    states = encode(asked, reader, reader.codec)
    material = Material(asked, states, [""])
    with torch.inference_mode():
        for row, one in enumerate(asked):
            values, features, packed, may = material.batch(torch.tensor([row]), 1)
            read = (values[None], values[None]) if stack.whole else stack.projected(values)
            sure, column = scores(stack, read, features, packed, may).softmax(2).max(2)
            first, end = spans_of_columns(column, packed.mask.shape[1])
            span = span_of(one, int(first), int(end), "", float(sure)) if int(end) else None
            before = found[one.window.dialogue]
            if span is not None and (before is None or before[2] < float(sure)):
                found[one.window.dialogue] = span.start, span.end, float(sure)
    return found
