"""Charts beside results: one page that is whole in itself."""

from collections.abc import Sequence
from pathlib import Path

from turnwise.analysis.page import page
from turnwise.files import atomic_file


def write(results: Path, title: str, heading: str, lead: str, charts: Sequence[str]) -> None:
    """The charts as RESULTS.html, where the results are RESULTS.json; nothing where there are none."""
    if not charts:
        return
    header = f'<h1>{heading}</h1><p class="lead">{lead}</p>'
    with atomic_file(results.with_suffix(".html")) as temporary:
        temporary.write_text(page(title, header, f'<div class="row">{"".join(charts)}</div>'), encoding="utf-8")
