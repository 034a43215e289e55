"""Self-supervised objectives, one a file, and riders: losses on the sequences of the others."""

from turnwise.objectives.coherence import Coherence
from turnwise.objectives.entity_number import EntityNumber
from turnwise.objectives.masked_lm import MaskedLM
from turnwise.objectives.masked_speaker import MaskedSpeaker
from turnwise.objectives.next_turn import NextTurn
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective, Rider
from turnwise.objectives.pairwise_cloze import PairwiseCloze
from turnwise.objectives.reordering import Reordering
from turnwise.objectives.response_matching import ResponseMatching
from turnwise.objectives.response_ranking import ResponseRanking
from turnwise.objectives.speaker import SpeakerPrediction
from turnwise.objectives.whole_dialogue import WholeDialogue

__all__ = [
    "OBJECTIVES",
    "RIDERS",
    "Batch",
    "Coherence",
    "Draws",
    "EntityNumber",
    "Hidden",
    "MaskedLM",
    "MaskedSpeaker",
    "NextTurn",
    "Objective",
    "PairwiseCloze",
    "Reordering",
    "ResponseMatching",
    "ResponseRanking",
    "Rider",
    "SpeakerPrediction",
    "WholeDialogue",
]

OBJECTIVES: tuple[type[Objective], ...] = (
    WholeDialogue,
    NextTurn,
    SpeakerPrediction,
    ResponseMatching,
    Coherence,
    EntityNumber,
    Reordering,
    ResponseRanking,
    PairwiseCloze,
)
RIDERS: tuple[type[Rider], ...] = (MaskedLM, MaskedSpeaker)
