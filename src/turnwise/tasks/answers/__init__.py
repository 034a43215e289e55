"""Kinds of answers: how gold labels become targets, logits become answers, and answers are measured."""

from turnwise.tasks.answers.kind import Answered, Kind, Learned, Scores, Target, Trust
from turnwise.tasks.answers.one_of import OneOf
from turnwise.tasks.answers.several import Several
from turnwise.tasks.answers.yes_no import YesNo

__all__ = ["Answered", "Kind", "Learned", "OneOf", "Scores", "Several", "Target", "Trust", "YesNo"]
