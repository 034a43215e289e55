"""A table on stdout whose wide cells wrap."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 160


def show_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print ``rows`` of cells below ``headers``, as wide as the terminal; a pipe counts as a wide one."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    table = Table(show_lines=True)
    for number, header in enumerate(headers):
        table.add_column(Text(header), overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
