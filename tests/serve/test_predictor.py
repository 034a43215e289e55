from pathlib import Path

import pytest

from turnwise.errors import InputError
from turnwise.serve import named_folders


def test_models_are_named_by_folder_or_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("shop", "bank", "a=b"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    assert named_folders([str(tmp_path / "bank"), "desk=../shop", ".", "../a=b"]) == {
        "bank": tmp_path / "bank",
        "desk": Path("../shop"),
        "shop": Path(),
        "a=b": Path("../a=b"),
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "there is no model folder nowhere; `turnwise fit intent"),
        (["x=nowhere"], "there is no model folder nowhere"),
        (["=shop"], "'=shop' names no model"),
        (["shop="], "'shop=' names no model"),
        (["shop", "other/shop"], "two models are called 'shop' .* write NAME=other/shop"),
    ],
)
def test_arguments_that_name_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "other" / "shop").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        named_folders(arguments)
