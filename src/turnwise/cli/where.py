"""``--where``: which dialogues of a corpus a verb takes."""

from typing import Annotated

import typer

from turnwise.where import Selection, parse_condition

WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LAYER=VALUE",
        help="Take only dialogues of which this holds, and every other --where: intent=refund, domains=hotel|taxi, "
        "turns>=4, words>=1000.",
        show_default=False,
    ),
]


def selection(given: list[str] | None) -> Selection:
    """What ``--where`` names; raises InputError for a condition that cannot be read."""
    return Selection([parse_condition(text) for text in given or []])
