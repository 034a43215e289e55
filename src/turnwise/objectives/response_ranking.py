"""Response ranking with in-batch negatives (MNEG): ConvFiT's Stage 1."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from turnwise.codec import Codec, Tokens
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.objectives.objective import Batch, Hidden, Objective


@dataclass(frozen=True, slots=True)
class ContextResponse:
    """A turn and the turn that follows it."""

    context: Tokens
    response: Tokens


@dataclass(frozen=True)
class ResponseRanking(Objective):
    """Rank the true response of a context above the other responses of the batch.

    With S(c, r) = D cos(c, r), mean-pooled c and r of one shared encoder, and a batch of B pairs::

        L = - 1/B sum_i [ S(c_i, r_i) - log sum_j exp S(c_i, r_j) ]

    The sum over j includes the positive (j = i), as in the library the paper ran with; its equation 1 leaves
    the positive out, which ``include_positive=False`` does. A response whose text equals that of the true one
    is no negative. ``scale`` is D. ``limit`` caps the number of pairs: the first ``limit`` of a seeded
    permutation.

    Source: Vulić et al. 2021, "ConvFiT", section 2.1; scale 20 is the sentence-transformers default.
    """

    batch_size: int = 64
    scale: float = 20.0
    include_positive: bool = True
    limit: int | None = None
    seed: int = 0

    name: ClassVar[str] = "response_ranking"
    paper: ClassVar[str] = "ConvFiT (Vulić et al., 2021), 2.1"

    def __post_init__(self) -> None:
        if self.batch_size < 2:
            raise InputError(f"batch_size is {self.batch_size}; in-batch negatives need at least 2")
        if self.scale <= 0:
            raise InputError(f"scale is {self.scale}, expected a positive number")
        if self.limit is not None and self.limit < 2:
            raise InputError(f"limit is {self.limit}; in-batch negatives need at least 2 pairs")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}, expected 0 or more")

    def examples(self, dialogues: Sequence[Dialogue], codec: Codec) -> list[ContextResponse]:
        """Every pair of adjacent, non-empty turns of which the speakers differ (or are not known)."""
        pairs = [
            (context.text, response.text)
            for dialogue in dialogues
            for context, response in zip(dialogue.turns, dialogue.turns[1:], strict=False)
            if context.text.strip()
            and response.text.strip()
            and (context.speaker is None or context.speaker != response.speaker)
        ]
        if len(pairs) < 2:
            raise CorpusError(
                f"response ranking needs at least 2 pairs of turns, found {len(pairs)} in {len(dialogues)} dialogues; "
                "give dialogues in which the speakers take turns"
            )
        if self.limit is not None and self.limit < len(pairs):
            order = np.random.default_rng(self.seed).permutation(len(pairs))[: self.limit]
            pairs = [pairs[row] for row in sorted(order)]
        texts = {text: row for row, text in enumerate(dict.fromkeys(text for pair in pairs for text in pair))}
        tokens = codec.tokenise(list(texts))
        return [ContextResponse(tokens[texts[context]], tokens[texts[response]]) for context, response in pairs]

    def head(self, encoder: Encoder, examples: Sequence[ContextResponse]) -> nn.Module:
        """No parameters."""
        return nn.Identity()

    def batches(self, examples: Sequence[ContextResponse], rng: np.random.Generator) -> Iterator[list[int]]:
        """Shuffled; inside a window of 50 batches pairs of like length meet, which saves padding."""
        order = rng.permutation(len(examples))
        window = 50 * self.batch_size
        found: list[list[int]] = []
        for start in range(0, len(order), window):
            rows = sorted(order[start : start + window], key=lambda row: len(examples[row].context.ids))
            found += [
                [int(row) for row in rows[at : at + self.batch_size]]
                for at in range(0, len(rows), self.batch_size)
                if len(rows) - at >= 2
            ]
        for batch in rng.permutation(len(found)):
            yield found[batch]

    def epoch_steps(self, examples: Sequence[ContextResponse]) -> int:
        window = 50 * self.batch_size
        whole, rest = divmod(len(examples), window)
        last = rest // self.batch_size + (1 if rest % self.batch_size >= 2 else 0)
        return whole * 50 + last

    def collate(self, examples: Sequence[ContextResponse], codec: Codec) -> Batch:
        """Two encodings, contexts and responses; ``same`` (B, B) marks responses equal to the true one."""
        groups: dict[tuple[int, ...], int] = {}
        response = torch.tensor([groups.setdefault(e.response.ids, len(groups)) for e in examples])
        return Batch(
            (codec.batch([e.context for e in examples]), codec.batch([e.response for e in examples])),
            {"same": response[:, None] == response[None, :]},
        )

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        contexts, responses = hidden
        return ranking_loss(
            contexts.mean(),
            responses.mean(),
            same=batch.targets["same"],
            scale=self.scale,
            include_positive=self.include_positive,
        )


def ranking_loss(contexts: Tensor, responses: Tensor, *, same: Tensor, scale: float, include_positive: bool) -> Tensor:
    """MNEG over vectors (B, dim) each; ``same`` (B, B) marks responses equal to the true one.

    A row whose sum would be empty (no positive in it, no negative in the batch) counts for nothing.
    """
    similarity = scale * functional.normalize(contexts, dim=-1) @ functional.normalize(responses, dim=-1).T
    diagonal = torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    dropped = same & ~diagonal if include_positive else same
    ranked = ~dropped.all(1)
    others = torch.logsumexp(similarity.masked_fill(dropped, -torch.inf), dim=1)
    loss = (others - similarity.diagonal())[ranked]
    return loss.sum() / ranked.sum().clamp(min=1)
