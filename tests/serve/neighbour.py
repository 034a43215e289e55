"""A small real predictor: the nearest of a few utterances under the embedded encoder."""

from collections.abc import Sequence

import numpy as np

from turnwise.dialogue import Evidence, Neighbour, Turn
from turnwise.encoder import Encoder
from turnwise.errors import InputError

BANK = {
    "where is my parcel": "track_order",
    "has my order been sent yet": "track_order",
    "please cancel my order": "cancel_order",
    "I do not want it any more, stop the order": "cancel_order",
    "I want my money back": "refund",
    "when do I get the refund": "refund",
    "<script>alert(1)</script> <b>bold</b> markup": "markup",
}


class NeighbourModel:
    """``boom`` fails, ``refuse`` raises InputError, ``nothing`` is out of scope."""

    labels = ("cancel_order", "markup", "refund", "track_order")
    version = "0123abcd"

    def __init__(self) -> None:
        self.encoder = Encoder.load(max_tokens=32)
        self.calls: list[int] = []
        self.bank = self._vectors(list(BANK))

    def predict(self, texts: Sequence[str]) -> list[Turn]:
        self.calls.append(len(texts))
        for text in texts:
            if text == "boom":
                raise RuntimeError(f"cannot digest {text}")
            if text == "refuse":
                raise InputError("the text is refused; write another one")
        tokens = self.encoder.codec.tokenise(texts)
        cosines = self._vectors(texts) @ self.bank.T
        return [self._turn(*each) for each in zip(texts, [t.truncated for t in tokens], cosines, strict=True)]

    def _vectors(self, texts: Sequence[str]) -> np.ndarray:
        found = self.encoder.encode(texts)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def _turn(self, text: str, truncated: bool, cosines: np.ndarray) -> Turn:
        best = np.argsort(-cosines)[:3]
        known = list(BANK.items())
        neighbours = tuple(Neighbour(known[i][0], (known[i][1],), float(cosines[i])) for i in best)
        label = neighbours[0].labels
        evidence = Evidence(float(max(cosines[best[0]], 0)), ((label[0], 0.9),), neighbours, truncated=truncated)
        return Turn(
            "customer", text, labels={"intent": () if text == "nothing" else label}, evidence={"intent": evidence}
        )
