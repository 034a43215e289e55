"""Load a detector with the engine that encodes for it: PyTorch, or ONNX Runtime in fp32 or int8."""

from pathlib import Path

from turnwise.errors import InputError, ModelError
from turnwise.tasks.intent.model import IntentModel

ENGINES = ("torch", "fp32", "int8")


def load_with(folder: Path, engine: str = "torch") -> IntentModel:
    """The model of ``folder``; ``fp32`` and ``int8`` need its export, which ``turnwise export`` makes.

    Raises InputError for another engine, ModelError when the export is not there or not of this model.
    """
    if engine not in ENGINES:
        raise InputError(f"the engine is {engine!r}, expected one of {', '.join(ENGINES)}")
    model = IntentModel.load(folder)
    if engine != "torch":
        from turnwise.runtime import Runtime

        place = Path(folder) / f"onnx-{engine}"
        if not place.is_dir():
            raise ModelError(
                f"{folder} has no {engine} export; make it with: turnwise export {folder} --precision {engine}"
            )
        model.engine = Runtime.load(place).encode
    return model
