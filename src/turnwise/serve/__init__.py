"""The HTTP service: fitted models behind ``/v1/predict`` and ``/v1/annotate``, limits, metrics and a page to try them.

Importing it raises MissingExtraError when the packages of the extra ``serve`` are not installed.
"""

from importlib.util import find_spec

from turnwise.errors import MissingExtraError

for _package, _module in (("fastapi", "fastapi"), ("uvicorn", "uvicorn"), ("prometheus-client", "prometheus_client")):
    if find_spec(_module) is None:
        raise MissingExtraError(_package, "serve")

from turnwise.serve.app import create_app  # noqa: E402
from turnwise.serve.limits import Limits  # noqa: E402
from turnwise.serve.predictor import Annotator, Predictor, load_served, named_folders  # noqa: E402

__all__ = ["Annotator", "Limits", "Predictor", "create_app", "load_served", "named_folders"]
