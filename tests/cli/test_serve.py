"""``turnwise serve`` with a fitted model, as a process."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from turnwise.cli.serve import serve
from turnwise.encoder import Encoder
from turnwise.errors import InputError, ModelError
from turnwise.tasks.intent.bank import Bank, Inference
from turnwise.tasks.intent.model import IntentModel
from turnwise.vectors import unit

_PROGRAM = "import typer; from turnwise.cli.serve import serve; typer.run(serve)"
_BANK = {
    "where is my parcel": "track_order",
    "has it been sent yet": "track_order",
    "please cancel my order": "cancel_order",
    "stop the order": "cancel_order",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("models") / "shop"
    encoder = Encoder.load()
    vectors = unit(encoder.encode(list(_BANK)))
    bank = Bank(list(_BANK), [(label,) for label in _BANK.values()], vectors)
    IntentModel(encoder, bank, inference=Inference(directions=0)).save(found)
    return found


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _PROGRAM, *arguments]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield run
    for each in running:
        each.kill()
        each.communicate()


def test_a_fitted_model_is_served_under_two_names(folder: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(str(folder), f"second={folder}", "--port", "0", "--threads", "1", "--max-characters", "50")
    assert process.stdout is not None
    announced = process.stdout.readline()
    found = re.fullmatch(r"serving shop, second on (http://127\.0\.0\.1:\d+) \(Ctrl-C stops\)\n", announced)
    assert found is not None, announced
    url = found[1]
    while httpx.get(f"{url}/ready").status_code != 200:
        pass
    models = httpx.get(f"{url}/v1/models").json()["models"]
    assert [(m["name"], m["labels"]) for m in models] == [
        ("shop", ["cancel_order", "track_order"]),
        ("second", ["cancel_order", "track_order"]),
    ]
    texts = ["has my parcel been sent", "cancel it, I want to stop the order", "", "我的包裹在哪里"]
    answer = httpx.post(f"{url}/v1/predict", json={"texts": texts, "model": "second"}).json()
    labels = [p["label"] for p in answer["predictions"]]
    assert labels[:3] == ["track_order", "cancel_order", None]
    assert answer["version"] == models[1]["version"]
    assert answer["predictions"][0]["neighbours"][0]["labels"] == ["track_order"]
    assert 0 <= answer["predictions"][0]["confidence"] <= 1
    assert httpx.post(f"{url}/v1/predict", json={"text": "x" * 51}).status_code == 422
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "parcel" not in errors


def test_a_port_in_use_is_an_error_before_any_model_is_loaded(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="Address already in use; choose another --port"):
            serve([str(folder)], port=taken.getsockname()[1])


def test_a_public_address_is_warned_about_and_a_broken_folder_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelError, match=re.escape(str(tmp_path))):
        serve([str(tmp_path)], host="0.0.0.0", port=0)
    assert "can be reached from other machines" in capsys.readouterr().err
