"""Self-supervised objectives, one a file."""

from turnwise.objectives.objective import Batch, Hidden, Objective
from turnwise.objectives.response_ranking import ResponseRanking

__all__ = ["Batch", "Hidden", "Objective", "ResponseRanking"]
