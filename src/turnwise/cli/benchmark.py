"""``turnwise benchmark``: run a measurement of the source repository."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from turnwise.errors import InputError
from turnwise.messages import nearest


def benchmark(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The measurement; none lists them.")] = None,
) -> None:
    """Run a benchmark; its own flags follow its name.

    The measurements and their results lie in benchmarks/ of the source repository, which is the folder to be in.

    Example: turnwise benchmark intents --help
    """
    folder = Path("benchmarks")
    known = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    if not known:
        raise InputError(f"there is no benchmarks folder in {Path.cwd()}; run this in a clone of the source repository")
    if name is None:
        for stem in known:
            first = (folder / f"{stem}.py").read_text(encoding="utf-8").split('"""')[1].strip().splitlines()[0]
            typer.echo(f"{stem:<12} {first}")
        return
    if name not in known:
        raise InputError(f"there is no benchmark {name!r}; {nearest(name, known)}")
    code = subprocess.run([sys.executable, str(folder / f"{name}.py"), *context.args], check=False).returncode
    raise typer.Exit(code)
