"""Inference without torch's overhead: an encoder as an ONNX file, fp32 or int8, run by ONNX Runtime.

``export`` writes a folder and refuses one that answers differently; ``Runtime`` loads and runs it.
"""

from turnwise.runtime.export import Bounds, ExportFacts, TaskScore, export
from turnwise.runtime.session import Runtime

__all__ = ["Bounds", "ExportFacts", "Runtime", "TaskScore", "export"]
