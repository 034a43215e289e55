"""How words are written, token by token."""

import numpy as np

from turnwise.codec import Pieces
from turnwise.encoder import Encoder
from turnwise.tasks.pii.shape import joined, none, shapes, splits_word


def names(text: str, tiny: Encoder) -> list[tuple[str, int, int]]:
    (pieces,) = tiny.codec.pieces([text])
    found = shapes(text, pieces)
    return [
        (text[start:end], int(shape), int(place))
        for start, end, (shape, place) in zip(pieces.starts, pieces.ends, found, strict=True)
    ]


def test_each_token_has_the_shape_of_its_run(tiny: Encoder) -> None:
    found = {token: shape for token, shape, _ in names("card Sure HELLO eMail 42 王 !", tiny)}
    assert (found["card"], found["Sure"], found["HELLO"], found["王"], found["!"]) == (1, 2, 3, 8, 9)
    assert {shape for token, shape, _ in names("eMail", tiny)} == {5}
    assert {shape for token, shape, _ in names("420", tiny)} == {6}
    assert {shape for token, shape, _ in names("4x", tiny)} == {7}
    assert names("A", tiny) == [("A", 4, 0)]


def test_what_stands_before_a_token(tiny: Encoder) -> None:
    places = {token: place for token, _, place in names("card, sure\n hello xq", tiny)}
    assert (places["card"], places[","], places["sure"], places["hello"]) == (0, 3, 2, 1)
    assert [place for token, _, place in names("xq", tiny)] == [0, 4]


def test_words_of_letters_with_case_and_digits_are_whole(tiny: Encoder) -> None:
    assert [splits_word("Ida, x2 王小", at) for at in range(10)] == [
        False, True, True, False, False, False, True, False, False, False,
    ]  # fmt: skip
    (pieces,) = tiny.codec.pieces(["xq card"])
    assert joined("xq card", pieces).tolist() == [False, True, False]


def test_no_token_has_a_shape_of_its_own() -> None:
    assert none(2).tolist() == [[0, 5], [0, 5]]
    nothing = np.zeros(0, dtype=np.int64)
    assert shapes("", Pieces(nothing.astype(np.int32), nothing, nothing)).shape == (0, 2)
