"""What stands in place of personal data: one token for all, numbers within a dialogue, or keyed pseudonyms."""

import hashlib
import hmac
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from turnwise.errors import InputError

Form = Literal["token", "numbered", "pseudonym"]
Naming = Callable[[str, str], str]
"""What replaces a text of a kind."""
UCI_TOKEN = "UCI_TOKEN"
KEY_VARIABLE = "TURNWISE_PSEUDONYM_KEY"
TOKENS = re.compile(rf"{UCI_TOKEN}|\[\w+_(?:\d{{1,6}}|[a-p]{{12}})\]")
"""Everything that ever stands in place of personal data."""
_LEAST_KEY = 16
_NAMES = ("name", "person", "full_name", "first_name", "last_name")


def is_name(kind: str) -> bool:
    """Whether a kind of personal data is people's names."""
    return kind.casefold() in _NAMES


def naming(form: Form = "token", key: bytes | None = None) -> Naming:
    """What to write in one dialogue: it remembers what it was asked.

    - ``token``: ``UCI_TOKEN`` for everything (CS-BERT, table 1)
    - ``numbered``: ``[NAME_1]``, ``[NAME_2]``, ``[PHONE_1]``: the same value has the same number, whatever its capitals
      and blanks; so has a part of a name that is a part of one name only
    - ``pseudonym``: ``[NAME_hkcpbdaaejnm]``, from HMAC-SHA256 of kind and value under ``key``: the same value has the
      same pseudonym in every dialogue, and nobody without the key can tell by trying values

    Raises InputError for another form, and for a pseudonym without a key.
    """
    if form not in get_args(Form):
        raise InputError(f"form is {form!r}, expected one of {', '.join(get_args(Form))}")
    if form == "token":
        return lambda kind, text: UCI_TOKEN
    if form == "numbered":
        return _Numbered()
    if key is None or len(key) < _LEAST_KEY:
        raise InputError(f"pseudonyms need a key of at least {_LEAST_KEY} bytes; give a key file or set {KEY_VARIABLE}")
    return lambda kind, text: f"[{_tag(kind)}_{_letters(key, kind, text)}]"


def read_key(path: Path | None) -> bytes:
    """The key in a file, blanks around it dropped, or in the environment variable when there is no path.

    Raises InputError, which never says the key, when there is none or it has less than 16 bytes.
    """
    if path is not None:
        try:
            key = path.read_bytes().strip()
        except OSError as error:
            raise InputError(f"the key file {path} cannot be read: {error.strerror}") from None
        place = f"the key file {path}"
    else:
        key = os.environ.get(KEY_VARIABLE, "").encode("utf-8", "surrogateescape").strip()
        place = f"the environment variable {KEY_VARIABLE}"
    if not key:
        raise InputError(f"{place} holds no key; make one with: head -c 32 /dev/urandom | base64 > FILE")
    if len(key) < _LEAST_KEY:
        raise InputError(f"{place} holds {len(key)} bytes, and a key has at least {_LEAST_KEY}")
    return key


class _Numbered:
    """Numbers of values, kind by kind, in the order in which they are asked for."""

    def __init__(self) -> None:
        self.numbers: dict[str, dict[str, int]] = {}
        self.people: dict[str, dict[int, frozenset[str]]] = {}

    def __call__(self, kind: str, text: str) -> str:
        tag = _tag(kind)
        known = self.numbers.setdefault(tag, {})
        value = _plain(text)
        if value not in known:
            known[value] = self._person(tag, text) if is_name(kind) else max(known.values(), default=0) + 1
        return f"[{tag}_{known[value]}]"

    def _person(self, tag: str, text: str) -> int:
        people = self.people.setdefault(tag, {})
        words = frozenset(word.strip(".,") for word in text.casefold().split())
        same = [number for number, other in people.items() if words <= other or other <= words]
        number = same[0] if len(same) == 1 else max(people, default=0) + 1
        people[number] = max(people.get(number, frozenset()), words, key=len)
        return number


def _plain(text: str) -> str:
    return "".join(text.casefold().split())


def _tag(kind: str) -> str:
    return re.sub(r"\W+", "_", kind).strip("_").upper() or "OTHER"


def _letters(key: bytes, kind: str, text: str) -> str:
    """48 bits as letters: a pseudonym with digits could be taken for a number that belongs to somebody."""
    digest = hmac.new(key, f"{_tag(kind)}\0{_plain(text)}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return "".join("abcdefghijklmnop"[half] for byte in digest[:6] for half in (byte >> 4, byte & 15))
