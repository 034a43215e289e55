"""turnwise: adapt a compact encoder to conversations; fit, measure, explain and serve intent detectors.

The names below load when they are first used, so that ``import turnwise`` is quick and imports no torch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turnwise.corpora import read_corpus
    from turnwise.dialogue import Dialogue, Evidence, Neighbour, Span, Turn
    from turnwise.encoder import Encoder
    from turnwise.errors import TurnwiseError
    from turnwise.pretraining import pretrain, pretraining_recipe
    from turnwise.tasks.intent.examples import Utterance, utterances
    from turnwise.tasks.intent.fit import fit_intent
    from turnwise.tasks.intent.model import IntentModel
    from turnwise.tasks.intent.recipes import intent_recipe

    __version__: str
else:
    _MODULES = {
        "Dialogue": "turnwise.dialogue",
        "Encoder": "turnwise.encoder",
        "Evidence": "turnwise.dialogue",
        "IntentModel": "turnwise.tasks.intent.model",
        "Neighbour": "turnwise.dialogue",
        "Span": "turnwise.dialogue",
        "Turn": "turnwise.dialogue",
        "TurnwiseError": "turnwise.errors",
        "Utterance": "turnwise.tasks.intent.examples",
        "fit_intent": "turnwise.tasks.intent.fit",
        "intent_recipe": "turnwise.tasks.intent.recipes",
        "pretrain": "turnwise.pretraining",
        "pretraining_recipe": "turnwise.pretraining",
        "read_corpus": "turnwise.corpora",
        "utterances": "turnwise.tasks.intent.examples",
    }

    def __getattr__(name: str) -> object:
        """Import a public name when it is first asked for (PEP 562)."""
        if name == "__version__":
            from importlib.metadata import version

            found = version("turnwise")
        elif name in _MODULES:
            from importlib import import_module

            found = getattr(import_module(_MODULES[name]), name)
        else:
            raise AttributeError(f"module 'turnwise' has no attribute {name!r}")
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "Dialogue",
    "Encoder",
    "Evidence",
    "IntentModel",
    "Neighbour",
    "Span",
    "Turn",
    "TurnwiseError",
    "Utterance",
    "__version__",
    "fit_intent",
    "intent_recipe",
    "pretrain",
    "pretraining_recipe",
    "read_corpus",
    "utterances",
]
