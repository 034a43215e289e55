"""The field of a span decoder summed over spans in place of tags: a text has one value or none, so there are few."""

import torch
from torch import Tensor
from torch.nn import functional

from turnwise.crf import Scores
from turnwise.span_decoder import AFTER, BEFORE, BEGIN, INSIDE


def span_scores(scores: Scores, mask: Tensor) -> Tensor:
    """The score of every answer that a span decoder's tags allow, (batch, 1 + tokens * tokens).

    Column 0 is no value, the others are spans, see ``columns_of``; what is no span of the text scores minus infinity.
    An answer's score is that of its tags, ``sum_t W_t[y_{t+1}, y_t] + sum_t u_t[y_t]``. With the running sums B, I and
    A of what it costs to stay in BEFORE, INSIDE and AFTER, a span from token s to token l > s scores ::

        B_{s-1} + W[BEGIN, BEFORE] + u_s[BEGIN] + W[INSIDE, BEGIN] + u_{s+1}[INSIDE] + I_l - I_{s+1}
            + W[AFTER, INSIDE] + u_{l+1}[AFTER] + A_n - A_{l+1}

    so there is no loop over the tokens, and no path that the tags forbid: ``logsumexp`` of a row is the field's log Z.
    """
    unary, transitions = (part.float() for part in scores)
    kept = mask.to(unary.dtype)

    def step(into: int, out: int) -> Tensor:
        """W into a token from the one before it, (batch, tokens); 0 at the first and behind the text."""
        return functional.pad(transitions[..., into, out], (1, 0)) * kept

    def stay(tag: int) -> Tensor:
        """The running sum of a tag that goes on, from the second token on."""
        return (functional.pad(unary[:, 1:, tag], (1, 0)) * kept + step(tag, tag)).cumsum(1)

    def tail(last: int) -> Tensor:
        """What follows a span whose last token has the tag ``last``."""
        return _next(step(AFTER, last) - step(AFTER, AFTER)) + after[:, -1:] - after

    before = unary[:, :1, BEFORE] + stay(BEFORE)
    inside, after = stay(INSIDE), stay(AFTER)
    begin = functional.pad(before[:, :-1], (1, 0)) + step(BEGIN, BEFORE) + unary[..., BEGIN]
    second = _next(step(INSIDE, BEGIN) - step(INSIDE, INSIDE)) - inside
    longer = (begin + second).unsqueeze(2) + (inside + tail(INSIDE)).unsqueeze(1)
    found = longer.diagonal_scatter(begin + tail(BEGIN), dim1=1, dim2=2)
    real = mask.bool().unsqueeze(1).expand_as(found).triu()
    return torch.cat([before[:, -1:], found.masked_fill(~real, -torch.inf).flatten(1)], dim=1)


def span_log_likelihood(scores: Scores, start: Tensor, end: Tensor, mask: Tensor) -> Tensor:
    """log p of the spans from token ``start`` up to ``end``, none where both are 0: (batch,).

    As ``turnwise.crf.log_likelihood`` of their tags; the loss is its negative. Source: ConVEx, section 2.3.
    """
    found = span_scores(scores, mask)
    own = found.gather(1, columns_of(start, end, mask.shape[1]).unsqueeze(1)).squeeze(1)
    return own - found.logsumexp(1)


def best_spans(scores: Scores, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Starts and ends of the most probable answers, both 0 for none, and their log-probability: (batch,) each.

    The same answers as the Viterbi algorithm gives.
    """
    found = span_scores(scores, mask)
    highest, column = found.max(1)
    start, end = spans_of_columns(column, mask.shape[1])
    return start, end, highest - found.logsumexp(1)


def span_probabilities(scores: Scores, mask: Tensor) -> Tensor:
    """The probability of every answer, (batch, 1 + tokens * tokens): the columns are those of ``span_scores``."""
    return span_scores(scores, mask).softmax(1)


def columns_of(start: Tensor, end: Tensor, tokens: int) -> Tensor:
    """The columns of spans, (batch,): ``1 + start * tokens + end - 1``, and 0 for none, where ``end`` is 0."""
    return torch.where(end == 0, 0, start * tokens + end)


def spans_of_columns(columns: Tensor, tokens: int) -> tuple[Tensor, Tensor]:
    """Starts and ends of the spans of columns, both 0 for none."""
    start, last = (columns - 1).div(tokens, rounding_mode="floor"), (columns - 1) % tokens
    return torch.where(columns == 0, 0, start), torch.where(columns == 0, 0, last + 1)


def _next(values: Tensor) -> Tensor:
    """The value of the token after each, 0 after the last."""
    return functional.pad(values[:, 1:], (0, 1))
