"""Everything turnwise raises on purpose.

::

    TurnwiseError                 the text says the value, the place and the fix
    ├── InputError                an argument, a flag or a text that cannot be used
    │   └── RecipeError           a recipe with wrong keys or values, all of them listed
    ├── CorpusError               a corpus that cannot be read; ``problems`` lists every place
    ├── ModelError                a model folder that cannot be used
    │   └── TaskMismatchError     a model folder of another task
    ├── ExportError               an export outside its stated bounds; the figures are in the text
    ├── StorageError              the disk refused a write; what was there before is still there
    └── MissingExtraError         an optional dependency is not installed; names the command that installs it
"""

from collections.abc import Sequence


class TurnwiseError(Exception):
    """Base class: catch this to catch everything turnwise raises on purpose."""


class InputError(TurnwiseError):
    """An argument, a flag or a text that cannot be used."""


class RecipeError(InputError):
    """A recipe with wrong keys or values."""


class CorpusError(TurnwiseError):
    """A corpus that cannot be read.

    ``problems`` holds one text per problem, each with its line and the path inside the object.
    """

    shown = 20

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        self.problems = tuple(problems)
        lines = [message, *(f"  {problem}" for problem in self.problems[: self.shown])]
        if len(self.problems) > self.shown:
            lines.append(f"  ... and {len(self.problems) - self.shown} more")
        super().__init__("\n".join(lines))


class ModelError(TurnwiseError):
    """A model folder that cannot be used."""


class TaskMismatchError(ModelError):
    """A model folder of another task."""


class ExportError(TurnwiseError):
    """An export whose outputs leave the stated bounds."""


class StorageError(TurnwiseError):
    """The disk refused a write."""


class MissingExtraError(TurnwiseError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; run: pip install 'turnwise[{extra}]'")
