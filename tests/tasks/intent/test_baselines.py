import pytest

from turnwise.encoder import Encoder
from turnwise.errors import CorpusError
from turnwise.tasks.intent.baselines import fit_logistic, fit_mlp
from turnwise.tasks.intent.examples import Utterance


def test_logistic_regression_separates_its_training_texts(encoder: Encoder, shop: list[Utterance]) -> None:
    classify = fit_logistic(shop, encoder, strength=1000.0)
    assert classify([utterance.text for utterance in shop]) == [utterance.labels[0] for utterance in shop]
    assert classify([]) == []


def test_the_mlp_separates_its_training_texts_and_repeats_itself(encoder: Encoder, shop: list[Utterance]) -> None:
    settings = {"hidden": 64, "epochs": 150, "dropout": 0.0, "seed": 1}
    texts = [utterance.text for utterance in shop]
    first = fit_mlp(shop, encoder, **settings)(texts)  # type: ignore[arg-type]
    right = sum(name == utterance.labels[0] for name, utterance in zip(first, shop, strict=True))
    assert right > 10
    assert fit_mlp(shop, encoder, **settings)(texts) == first  # type: ignore[arg-type]


@pytest.mark.parametrize("fit", [fit_logistic, fit_mlp])
def test_the_baselines_take_one_intent_an_utterance(fit, encoder: Encoder, shop: list[Utterance]) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CorpusError, match="one intent an utterance; 'both' has 2"):
        fit([*shop, Utterance("both", ("track", "block"))], encoder)
    with pytest.raises(CorpusError, match="one intent an utterance; 'none' has 0"):
        fit([*shop, Utterance("none", ())], encoder)
    with pytest.raises(CorpusError, match="at least 2"):
        fit(shop[:5], encoder)
