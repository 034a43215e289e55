"""What objectives give away without a word.

Bound for an objective without a leak: chance + 3 standard errors + 2 points. As published the same probe is far above.
"""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest

from turnwise.analysis.leaks import probe
from turnwise.codec import Codec
from turnwise.corpora import multiwoz_single, read_corpus, sgd
from turnwise.corpora.columns import Columns
from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder
from turnwise.entities import rule_tagger
from turnwise.errors import InputError
from turnwise.layout import Layout
from turnwise.objectives import (
    Coherence,
    EntityNumber,
    MaskedLM,
    MaskedSpeaker,
    NextTurn,
    Reordering,
    ResponseRanking,
    SpeakerPrediction,
    WholeDialogue,
)
from turnwise.store import TurnStore

DATA = os.environ.get("TURNWISE_DATA")


@dataclass(frozen=True)
class Corpus:
    store: TurnStore
    codec: Codec


def prepared(dialogues: Sequence[Dialogue], encoder: Encoder) -> Corpus:
    return Corpus(TurnStore.of(dialogues, encoder.codec, tagger=rule_tagger), encoder.codec)


@pytest.fixture(scope="module")
def embedded() -> Encoder:
    encoder = Encoder.load()
    encoder.use_layout(Layout("tod"))
    return encoder


@pytest.fixture(scope="module")
def sample(embedded: Encoder) -> Corpus:
    return prepared(list(read_corpus("sample@train")), embedded)


def limit_of(found: dict[str, float]) -> float:
    return max(found["chance"], found["majority"]) + 3 * found["standard error"] + 0.02


def probed(objective: NextTurn | Coherence | Reordering, corpus: Corpus) -> dict[str, float]:
    return probe(objective, objective.examples(corpus.store, corpus.codec), corpus.codec, 0)


@pytest.mark.parametrize(("kind", "leak"), [(NextTurn, 0.55), (Coherence, 0.62), (Reordering, 0.55)])
def test_the_default_forms_are_near_chance_and_the_published_ones_are_not(
    sample: Corpus, kind: type[NextTurn], leak: float
) -> None:
    """Measured: next turn 51 % and 59 % as published, coherence 49 % and 67 %, reordering 36 % and 69 % (of 33 %)."""
    closed, published = probed(kind(), sample), probed(kind(as_published=True), sample)
    assert closed["probe accuracy"] < limit_of(closed), closed
    assert limit_of(closed) < closed["chance"] + 0.1
    assert published["probe accuracy"] > max(leak, limit_of(published)), published


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
@pytest.mark.parametrize("name", ["sgd", "multiwoz_single"])
def test_the_default_forms_are_near_chance_on_published_corpora(embedded: Encoder, name: str) -> None:
    """Schema-Guided Dialogue, dev, and the single-domain dialogues of MultiWOZ, train: 600 of each."""
    corpus = prepared(list(islice(_published(name), 600)), embedded)
    for kind in (NextTurn, Coherence, Reordering):
        closed = probed(kind(), corpus)
        assert closed["probe accuracy"] < limit_of(closed), (kind, closed)
    published = probed(Reordering(as_published=True), corpus)
    assert published["probe accuracy"] > 0.6, published


def _published(name: str) -> Iterator[Dialogue]:
    if name == "sgd":
        return sgd.read(Path(DATA or "") / "sgd", "dev", Columns())
    return multiwoz_single.read(Path(DATA or "") / "multiwoz_single_domain_dstc8", "train", Columns())


@pytest.fixture(scope="module")
def unruly(checkpoint: Callable[[str], Path]) -> Callable[[Layout], Corpus]:
    """Dialogues in which anyone may speak at any time: neighbours say nothing about who does."""
    rng = random.Random(0)
    words = ("card", "order", "parcel", "monday", "refund", "money")
    dialogues = [
        Dialogue(
            f"test:{number}",
            tuple(Turn(rng.choice(("customer", "agent")), " ".join(rng.choices(words, k=2))) for _ in range(10)),
        )
        for number in range(300)
    ]

    def corpus(layout: Layout) -> Corpus:
        encoder = Encoder.load(checkpoint("bert"))
        encoder.use_layout(layout)
        return prepared(dialogues, encoder)

    return corpus


def speakers(corpus: Corpus, rider: MaskedSpeaker) -> dict[str, float]:
    objective = WholeDialogue()
    examples = objective.examples(corpus.store, corpus.codec)
    return probe(objective, examples, corpus.codec, 0, rider=rider, limit=300)


def test_segments_of_roles_do_not_give_a_hidden_speaker_away(unruly: Callable[[Layout], Corpus]) -> None:
    """As published they do always. Tokens that were kept say something: those show [MASK] instead."""
    always = MaskedSpeaker(masked=1.0, other=0.0)
    for layout in (Layout("tod", "speaker"), Layout("cs-bert", "speaker"), Layout("tod", "response")):
        closed = speakers(unruly(layout), always)
        assert closed["probe accuracy"] < limit_of(closed), closed
    published = speakers(unruly(Layout("tod", "speaker")), MaskedSpeaker(masked=1.0, other=0.0, as_published=True))
    assert published["probe accuracy"] == 1


def test_kept_and_swapped_speakers_say_as_little_with_segments_as_without(
    unruly: Callable[[Layout], Corpus],
) -> None:
    """A token that is shown was kept in one of two cases and swapped in the other, so it says nothing either.

    With segments, an agent's token in segment 0 shows that it was chosen; whether it was swapped, it does not.
    """
    closed = speakers(unruly(Layout("tod", "speaker")), MaskedSpeaker())
    assert closed["probe accuracy"] < limit_of(closed), closed


def test_what_is_known_of_speakers_and_entities_without_a_word_is_a_baseline(sample: Corpus) -> None:
    """No leaks: turns do alternate, agents do say more, long turns do hold more entities."""
    found = speakers(sample, MaskedSpeaker())
    assert found["majority"] < 0.6 < 0.9 < found["probe accuracy"] < 1
    for objective, least in ((SpeakerPrediction(), 0.65), (EntityNumber(), 0.62)):
        examples = objective.examples(sample.store, sample.codec)  # type: ignore[attr-defined]
        found = probe(objective, examples, sample.codec, 0, limit=1000)  # type: ignore[arg-type]
        assert least < found["probe accuracy"] < 0.8
        assert found["predictions"] == 1000


def test_a_probe_is_the_same_for_a_seed(sample: Corpus) -> None:
    objective = SpeakerPrediction()
    examples = objective.examples(sample.store, sample.codec)
    one, again, other = (probe(objective, examples, sample.codec, seed, limit=200) for seed in (0, 0, 1))
    assert one == again != other


def test_what_has_no_classes_cannot_be_probed(sample: Corpus) -> None:
    ranking, whole = ResponseRanking(), WholeDialogue()
    with pytest.raises(InputError, match="response_ranking has no classes to tell apart, so there is nothing to probe"):
        probe(ranking, ranking.examples(sample.store, sample.codec), sample.codec, 0)
    with pytest.raises(InputError, match="masked_lm asks for words; a probe that sees none has nothing to say"):
        probe(whole, whole.examples(sample.store, sample.codec), sample.codec, 0, rider=MaskedLM())


def test_few_dialogues_are_refused(sample: Corpus) -> None:
    objective = Coherence()
    with pytest.raises(InputError, match="a probe needs predictions in at least 4 dialogues; give more of them"):
        probe(objective, objective.examples(sample.store, sample.codec), sample.codec, 0, limit=3)
