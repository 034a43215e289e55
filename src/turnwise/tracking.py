"""Where the losses of a run are written: JSON lines, and TensorBoard where it is installed."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accelerate.tracking import GeneralTracker, TensorBoardTracker, on_main_process
from accelerate.utils import is_tensorboard_available

from turnwise.errors import MissingExtraError, StorageError
from turnwise.files import atomic_file


class JsonTracker(GeneralTracker):  # type: ignore[misc]
    """One JSON object a line in ``FOLDER/log.jsonl``: the step, the time, and what was logged."""

    name = "json"
    requires_logging_directory = True

    @on_main_process  # type: ignore[untyped-decorator]
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path = Path(folder) / "log.jsonl"

    @on_main_process  # type: ignore[untyped-decorator]
    def cut(self, step: int) -> None:
        """Leave out what was logged after ``step``: a run that goes on from there logs it again."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []
        with atomic_file(self.path) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in lines if _is_until(line, step)), encoding="utf-8")

    @property
    def tracker(self) -> Path:
        return self.path

    @on_main_process  # type: ignore[untyped-decorator]
    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        self._write({"configuration": dict(values)})

    @on_main_process  # type: ignore[untyped-decorator]
    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        self._write({"step": step, "time": round(time.time(), 3), **values})

    def _write(self, content: Mapping[str, Any]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(content) + "\n")
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror or error}; free space") from error


def _is_until(line: str, step: int) -> bool:
    try:
        found = json.loads(line).get("step", 0)
    except (ValueError, AttributeError):
        return False
    return isinstance(found, int) and found <= step


def trackers(folder: Path, *, tensorboard: bool = False) -> list[GeneralTracker]:
    """The JSON log, and TensorBoard's event files when asked for.

    Raises MissingExtraError when TensorBoard is asked for and not installed.
    """
    if tensorboard and not is_tensorboard_available():
        raise MissingExtraError("tensorboard", "tensorboard")
    found: list[GeneralTracker] = [JsonTracker(folder)]
    if tensorboard:
        board = TensorBoardTracker("tensorboard", logging_dir=str(folder))
        if hasattr(board, "start"):  # accelerate made the writer at once before it had this
            board.start()
        found.append(board)
    return found
