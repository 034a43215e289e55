"""What one request may ask for, and how much may wait."""

from dataclasses import asdict, dataclass

from turnwise.errors import InputError


@dataclass(frozen=True, slots=True)
class Limits:
    """The service's limits; a request outside them gets an error that names the limit.

    ``body_bytes``: bytes of a request body. ``texts``: texts of a request. ``characters``: code points of a text.
    ``seconds``: time to read a body, and again to answer it. ``waiting``: texts that may queue for one model.
    ``batch``: texts that one model call takes.

    Raises InputError when one is not positive, or ``waiting`` could never hold a full request.
    """

    body_bytes: int = 1 << 20
    texts: int = 256
    characters: int = 10_000
    seconds: float = 30.0
    waiting: int = 4096
    batch: int = 64

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise InputError(f"the limit {name} is {value}, expected more than 0")
        if self.waiting < self.texts:
            raise InputError(
                f"the limit waiting is {self.waiting} but one request may hold {self.texts} texts; "
                f"raise waiting to at least {self.texts} or lower texts"
            )
