"""From a recipe to an ``Intent``: which objective, how long, what inference, by how much data there is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from turnwise.errors import InputError, RecipeError
from turnwise.messages import nearest
from turnwise.recipe import build, overridden, read_recipe, take_kind
from turnwise.tasks.intent.all_pairs import AllPairs
from turnwise.tasks.intent.bank import Inference
from turnwise.tasks.intent.pairs import PairContrast
from turnwise.tasks.intent.softmax import SoftmaxClasses
from turnwise.training import Settings

DEFAULT_RECIPE = "intent"
CLASSIFIERS = ("similarity", "softmax")
_DEFAULTS = {"similarity": DEFAULT_RECIPE, "softmax": "intent-softmax"}
Stage2 = AllPairs | PairContrast | SoftmaxClasses
_OBJECTIVES: dict[str, type[Any]] = {"all_pairs": AllPairs, "pairs": PairContrast}


@dataclass(frozen=True)
class Fitting:
    """What surrounds the training of Stage 2.

    ``label_names``: templates that make a training text of each intent's name, "{}" standing for the name in
    words; () for none. ``max_tokens`` cuts utterances (the paper: 48). ``held_out``: share of the utterances
    that a second, separate fit leaves out to calibrate on, 0 for none; with dev data it is not used.
    ``members``: fits with other seeds whose weights are averaged into the one encoder that is kept.
    With unlabelled utterances (self-training; Yarowsky 1995), those that a first fit scores at least
    ``pseudo_threshold``, at most ``pseudo_per_intent`` an intent, are training texts of a second; they never enter
    the bank, so that no answer is explained by a guess.
    """

    label_names: tuple[str, ...] = ("{}",)
    max_tokens: int = 64
    held_out: float = 0.0
    slope: float = 1.0
    intercept: float = 0.0
    members: int = 1
    pseudo_threshold: float = 0.9
    pseudo_per_intent: int = 20

    def __post_init__(self) -> None:
        if not 0 <= self.held_out < 1:
            raise InputError(f"held_out is {self.held_out}, expected a share of at least 0 and below 1")
        if self.members < 1 or self.pseudo_per_intent < 1:
            raise InputError(f"members is {self.members}, pseudo_per_intent {self.pseudo_per_intent}; at least 1 each")
        for template in self.label_names:
            if template.count("{}") != 1:
                raise InputError(f"label_names has {template!r}, expected a text with {{}} once")


@dataclass(frozen=True)
class Intent:
    """A whole recipe: Stage 2's objective (None leaves the encoder as it is), its training, and inference."""

    objective: Stage2 | None = field(default_factory=AllPairs)
    training: Settings = field(default_factory=Settings)
    inference: Inference = field(default_factory=Inference)
    fitting: Fitting = field(default_factory=Fitting)

    @property
    def classifier(self) -> str:
        """``similarity`` or ``softmax``."""
        return CLASSIFIERS[isinstance(self.objective, SoftmaxClasses)]


def classifier_recipe(classifier: str, recipe: str | None = None) -> str:
    """The name of the recipe: ``recipe`` where one is named, else the default of the classifier.

    Raises InputError for an unknown classifier, and for a recipe of another than the one that is asked for; a named
    recipe of softmax needs no word more.
    """
    if classifier not in CLASSIFIERS:
        raise InputError(f"the classifier is {classifier!r}; {nearest(classifier, CLASSIFIERS)}")
    if recipe is None:
        return _DEFAULTS[classifier]
    found = read_recipe(recipe).get("classifier", CLASSIFIERS[0])
    if classifier != CLASSIFIERS[0] and found != classifier:
        raise InputError(f"recipe {recipe} has classifier = {found!r}, and {classifier} is asked for")
    return recipe


def intent_recipe(
    name: str = DEFAULT_RECIPE, *, shots: float, overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> Intent:
    """The recipe ``name`` for ``shots`` utterances an intent (the mean).

    A recipe has the tables [objective], [training], [inference] and [fitting]; ``objective.kind`` is
    ``all_pairs``, ``pairs`` or ``none``. With ``classifier = "softmax"`` (``similarity`` is the default) there is one
    kind of objective, and no [inference]: nothing votes. A [[regime]] with ``up_to`` = S overrides them when
    ``shots`` <= S; the first that fits counts. ``overrides`` win over everything.
    Raises RecipeError with every problem.
    """
    tables = read_recipe(name)
    regimes = tables.pop("regime", [])
    task = tables.pop("task", None)
    tables.pop("about", None)
    classifier = tables.pop("classifier", CLASSIFIERS[0])
    if task != "intent":
        raise RecipeError(f'recipe {name} has task = {task!r}, expected task = "intent"')
    if classifier not in CLASSIFIERS:
        raise RecipeError(f"recipe {name}: classifier is {classifier!r}; {nearest(str(classifier), CLASSIFIERS)}")
    if not isinstance(regimes, list) or not all(isinstance(regime, dict) for regime in regimes):
        raise RecipeError(f"recipe {name}: regime must be written [[regime]]")
    limits = [regime.get("up_to") for regime in regimes]
    if not all(isinstance(limit, int | float) for limit in limits):
        raise RecipeError(f"recipe {name}: every [[regime]] needs up_to = N, utterances an intent")
    chosen: dict[str, Any] = next((regime for regime in regimes if shots <= regime["up_to"]), {})
    for extra in ({k: v for k, v in chosen.items() if k != "up_to"}, overrides or {}):
        tables = overridden(tables, extra)
    if classifier == "softmax":
        if tables.pop("inference", None):
            raise RecipeError(f"recipe {name}: softmax has no [inference] and no votes of neighbours; leave them out")
        built = build(tables, {"objective": SoftmaxClasses, "training": Settings, "fitting": Fitting}, recipe=name)
        return Intent(built["objective"], built["training"], fitting=built["fitting"])
    kind = take_kind(tables, [*_OBJECTIVES, "none"], recipe=name)
    sections: dict[str, type[Any]] = {"training": Settings, "inference": Inference, "fitting": Fitting}
    if kind == "none":
        tables.pop("objective", None)
    else:
        sections["objective"] = _OBJECTIVES[kind]
    built = build(tables, sections, recipe=name)
    return Intent(built.get("objective"), built["training"], built["inference"], built["fitting"])
