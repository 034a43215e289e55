import subprocess
import sys

import pytest

import turnwise

PUBLIC = [
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


def test_all_is_exact_and_sorted() -> None:
    assert turnwise.__all__ == PUBLIC == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_loads_and_is_listed(name: str) -> None:
    assert getattr(turnwise, name) is getattr(turnwise, name)
    assert name in dir(turnwise)


def test_public_names_are_those_of_their_modules() -> None:
    from turnwise.dialogue import Turn
    from turnwise.errors import TurnwiseError

    assert turnwise.Turn is Turn
    assert turnwise.TurnwiseError is TurnwiseError


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'turnwise' has no attribute 'predict'"):
        turnwise.predict  # noqa: B018


def test_import_loads_no_heavy_library() -> None:
    code = (
        "import sys, turnwise; turnwise.__version__; turnwise.Dialogue; turnwise.read_corpus;"
        "print([name for name in ('torch', 'transformers', 'sklearn', 'accelerate') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_answers_loads_no_library_that_only_fits_and_measurements_need() -> None:
    code = (
        "import sys, turnwise.tasks.desk, turnwise.tasks.intent.engine, turnwise.tasks.ranking.engine;"
        "import turnwise.tasks.model, turnwise.tasks.slots.model; print('sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
