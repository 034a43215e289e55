"""The command line. One verb, one file; a verb parses its flags and calls an importable function.

To add a verb: write ``cli/NAME.py`` and name its function in ``VERBS``; for a verb with verbs of its own
(``turnwise intent add``) write a ``typer.Typer`` and name it in ``GROUPS``. Import heavy libraries inside the
function, so that ``turnwise --help`` stays quick. A verb raises; only ``main`` prints errors.
"""

import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Annotated

import typer
from typer.exceptions import TyperException

from turnwise.cli.benchmark import benchmark
from turnwise.cli.check import check
from turnwise.cli.convert import convert
from turnwise.cli.corpora import corpora
from turnwise.cli.data import data
from turnwise.cli.demo import demo
from turnwise.cli.evaluate import evaluate
from turnwise.cli.export import export
from turnwise.cli.fit import fit
from turnwise.cli.intent import intent
from turnwise.cli.mine import mine
from turnwise.cli.objectives import objectives
from turnwise.cli.predict import predict
from turnwise.cli.pretrain import pretrain
from turnwise.cli.serve import serve
from turnwise.cli.tokenizer import tokenizer
from turnwise.errors import TurnwiseError

VERBS: tuple[Callable[..., None], ...] = (
    demo,
    corpora,
    check,
    convert,
    objectives,
    tokenizer,
    mine,
    pretrain,
    evaluate,
    predict,
    export,
    serve,
)
GROUPS: tuple[tuple[str, typer.Typer], ...] = (("data", data), ("fit", fit), ("intent", intent))

app = typer.Typer(name="turnwise", add_completion=False, pretty_exceptions_enable=False)
for _verb in VERBS:
    app.command()(_verb)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})(
    benchmark
)
for _name, _group in GROUPS:
    app.add_typer(_group, name=_name)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"turnwise {version('turnwise')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _turnwise(
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Adapt a compact encoder to your own conversations; fit, measure, explain and serve intent detectors."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """The console script: exits with 0, 1 after an error, 2 after a mistake in the flags, 130 when interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 still gets its answer
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors go to stderr as ``error: ...``."""
    try:
        code = app(args=list(arguments), prog_name="turnwise", standalone_mode=False)
        sys.stdout.flush()
    except TyperException as error:
        return _fail(f"{error.format_message()}\n{_hint(error)}", error.exit_code)
    except TurnwiseError as error:
        return _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        code = 130
    except (OSError, MemoryError) as error:
        return _fail(str(error) or type(error).__name__)
    except Exception as error:
        if os.environ.get("TURNWISE_DEBUG"):
            traceback.print_exc()
        return _fail(f"a mistake in turnwise: {type(error).__name__}: {error}\nSet TURNWISE_DEBUG=1 to see where.")
    if code == 130:
        return _fail("interrupted; nothing half-written is left", 130)
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int = 1) -> int:
    print(f"error: {message.strip()}", file=sys.stderr)
    return code


def _hint(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"Try: {context.command_path if context is not None else 'turnwise'} --help"
