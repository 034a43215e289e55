"""The pages agree with the code and with each other."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from turnwise.objectives import OBJECTIVES, RIDERS
from turnwise.pretraining import Held, Input
from turnwise.settings import Settings
from turnwise.tasks.fit import HeldOut, TaskInput
from turnwise.tasks.intent.all_pairs import AllPairs
from turnwise.tasks.intent.bank import Inference
from turnwise.tasks.intent.pairs import PairContrast
from turnwise.tasks.intent.recipes import Fitting
from turnwise.tasks.recipes import TASKS

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks" / "README.md")
    if path.name != "LICENSE"
)


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("script", ["docs/generate.py", "benchmarks/tables.py"])
def test_what_scripts_write_is_up_to_date(script: str) -> None:
    done = run(script, "--check")
    assert done.returncode == 0, done.stderr


def test_the_file_map_names_every_module_and_no_other() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\S+\.py)` \|", text, re.MULTILINE)
    there = [path.relative_to(ROOT / "src" / "turnwise").as_posix() for path in (ROOT / "src").rglob("*.py")]
    assert sorted(named) == sorted(there)


def test_every_command_has_its_flags_in_the_reference() -> None:
    from typer.main import get_command

    from turnwise.cli import app

    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")

    def commands(command: object, name: str) -> list[str]:
        below = getattr(command, "commands", None)
        return [name] if below is None else [n for verb, c in below.items() for n in commands(c, f"{name} {verb}")]

    for name in commands(get_command(app), "turnwise"):
        assert f"<!-- generated: flags of {name} -->" in text, f"docs/cli.md lacks {name}"


def test_every_dataclass_of_a_recipe_has_its_keys_in_the_reference() -> None:
    text = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    intents = (AllPairs, PairContrast, Settings, Inference, Fitting)
    for kind in (*OBJECTIVES, *RIDERS, Input, Held, *intents, *TASKS, TaskInput, HeldOut):
        assert f"<!-- generated: keys of {kind.__name__} -->" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_registry_or_a_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for word in ("pypi.org", "download.pytorch.org", "/work", "/home/", "/tmp/"):
        assert word not in text, f"{page.name}: {word}"
