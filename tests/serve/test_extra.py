import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["fastapi", "uvicorn", "prometheus_client"])
def test_a_missing_package_names_the_command_that_installs_it(module: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; import turnwise.serve"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr
    package = module.replace("_", "-")
    assert f"MissingExtraError: {package} is not installed; run: pip install 'turnwise[serve]'" in shown


def test_the_verb_is_imported_without_the_extra_and_without_torch() -> None:
    code = "import sys, turnwise.cli.serve; print([m for m in ('torch', 'fastapi', 'uvicorn') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "[]\n"
