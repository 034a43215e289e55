import pytest

from turnwise.corpora import parse, read_corpus
from turnwise.errors import InputError


def test_the_sample_needs_no_path_and_has_three_splits() -> None:
    assert parse("sample", None).splits == ("train", "dev", "test")
    assert parse("sample", "test").splits == ("test",)
    with pytest.raises(InputError, match="no split 'tests'; did you mean 'test'"):
        parse("sample@tests")


def test_the_sample_has_every_layer_that_its_reader_names() -> None:
    layers: set[str] = set()
    for dialogue in read_corpus("sample@all"):
        layers |= dialogue.labels.keys()
        for turn in dialogue.turns:
            layers |= turn.labels.keys() | turn.spans.keys()
    assert layers == set(parse("sample").reader.layers)
