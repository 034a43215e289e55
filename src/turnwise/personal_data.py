"""Finds personal data in a text by rules: addresses, numbers that belong to somebody, names and birthdays after a cue.

The rules read English. They are plain patterns with checks where a number carries one (Luhn, ISO 7064 mod 97, the
numbering plans of ``phonenumbers``); no model is asked. What they find, by kind:

- ``email``: also written with (at); ``url``: with user info, a query, or a path that names a user or a number
- ``phone``: numbers of ``regions``' plans, any number after +, and other usual shapes; dates are none
- ``card_number``: 13 to 19 digits that pass Luhn's check (12 of Maestro), separators allowed; ``iban``: mod 97
- ``ip_address``: version 4 and 6; ``social_security``: US 3-2-4 digits, UK national insurance numbers
- ``account_number``: every word with 7 or more digits in a row (accounts, orders, tickets), and 16 or more in
  groups of four; shorter order numbers stay, because a model should know that there is one
- ``address``: a house number and a street, with flat and town where they follow; PO boxes
- ``postcode``: US zip after a state, UK postcodes, and any after "zip" or "postcode"
- ``name``: after "my name is", "this is ... speaking", a title, a closing formula, or when it was asked for
- ``date_of_birth``: a date after "born" or "date of birth", or when it was asked for

A name without a cue is not found. "I am" is one only behind a greeting; elsewhere other words follow it too often.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from turnwise.dialogue import Span
from turnwise.errors import InputError

REGIONS = ("US", "GB")
"""Countries (ISO 3166) whose national phone numbers are known unless others are named."""


def find_personal_data(text: str, *, asked: str = "", regions: Sequence[str] = REGIONS) -> tuple[Span, ...]:
    """The stretches of personal data in order, those that overlap or touch merged; ``label`` is the kind.

    ``asked`` is the turn before: a name, a birthday or a phone number that it asks for needs no cue of its own.
    """
    found = [*_cards(text), *_ibans(text), *_ips(text), *_phones(text, asked, regions), *_names(text, asked)]
    found += [_span(kind, match, pattern.groups) for kind, pattern in _PATTERNS for match in pattern.finditer(text)]
    if _ASKS_BIRTH.search(asked):
        found += [_span("date_of_birth", match, 0) for match in _BARE_DATE.finditer(text)]
    return merged(found)


def find_checked(text: str) -> tuple[Span, ...]:
    """The card and bank numbers of a text that carry a check and pass it: Luhn, ISO 7064 mod 97-10."""
    return merged([*_cards(text), *_ibans(text)])


def check_regions(regions: Sequence[str]) -> None:
    """Raise InputError for a country whose numbering plan is not known."""
    from phonenumbers import SUPPORTED_REGIONS

    for region in regions:
        if region not in SUPPORTED_REGIONS:
            raise InputError(f"there is no phone plan of the region {region!r}; write two capital letters: US, GB, DE")


def merged(found: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order; those that overlap or touch are one, with the label of its longest part."""
    parts: list[list[Span]] = []
    end = -1
    for span in sorted(found, key=lambda span: (span.start, -span.end)):
        if span.start <= end:
            parts[-1].append(span)
        else:
            parts.append([span])
        end = max(end, span.end)
    return tuple(
        Span(part[0].start, max(s.end for s in part), max(part, key=lambda s: s.end - s.start).label) for part in parts
    )


def _span(kind: str, match: re.Match[str], group: int) -> Span:
    return Span(*match.span(group), kind)


_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = (
    r"(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}(?:,?\s\d{{2,4}})?"
    rf"|{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s\d{{2,4}})?)"
)
_BARE_DATE = re.compile(rf"(?<![\w.]){_DATE}(?!\w)", re.IGNORECASE)
_IS_DATE = re.compile(rf"{_DATE}(?:[T ]\d{{1,2}})?", re.IGNORECASE)
_ASKS_BIRTH = re.compile(r"\b(?:birth|birthday|dob)\b", re.IGNORECASE)

_LINK = r"(?<![\w./])(?:https?://|www\.)"
_REST = r"[^\s<>\"]*(?<=[\w/=&~#%-])"
_TOP = r"(?:com|org|net|edu|gov|info|biz|io|me|uk|us|de|fr|nl|ie|eu|ca|au)"
_NUMBER = r"(?<![\w-])\d{1,5}[A-Za-z]?(?:[-/]\d{1,4}[A-Za-z]?)?,?[ ]"
_PROPER = r"[A-Z][\w'’.-]*"
_CAPITAL = rf"(?:{_PROPER}|\d{{1,3}}(?:st|nd|rd|th))[ ]"
_STREET = r"(?i:street|str|st|road|rd|avenue|ave|lane|ln|boulevard|blvd|crescent|terrace|gardens|highway|parkway)"
_STREET_TOO = (
    r"(?:Close|Court|Ct|Way|Place|Pl|Square|Sq|Drive|Dr|Walk|Hill|Row|Mews|Grove|Green|Park|Circle|Trail|View|Rise|Quay|Parade"
    r"|CLOSE|COURT|WAY|PLACE|SQUARE|DRIVE|WALK|HILL|ROW|MEWS|GROVE|GREEN|PARK|CIRCLE|TRAIL|VIEW)"
)
_NO_STREET = (
    r"(?!(?:a|an|the|my|your|our|their|on|in|of|at|to|by|from|for|and|or|is|are|was|x|days?|weeks?|hours?"
    r"|minutes?|items?|parcels?|times?|pm|am)\b)"
)
_UK_POSTCODE = r"[A-Za-z]{1,2}\d[A-Za-z\d]?[ ]\d[ABD-HJLNP-UW-Zabd-hjlnp-uw-z]{2}"
_STATE = (
    r"(?:A[LKZR]|C[AOT]|D[CE]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT"
    r"|V[TA]|W[AVIY])"
)
_ZIP = r"\d{5}(?:-\d{4})?"
_FLAT = r"(?:,?[ ](?i:apt|apartment|flat|unit|suite|ste|floor)\.?[ ]?\w{1,5})?"
_TOWN = rf"(?:,?[ ]{_PROPER}(?:[ ]{_PROPER}){{0,2}},?[ ](?:{_UK_POSTCODE}|{_ZIP})(?!\w))?"

_PATTERNS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("email", r"(?<![\w.%+-])(?<!\w')[\w.%+-]+(?:'[\w.%+-]+)*@[\w-]+(?:\.[\w-]+)*(?<=\w)"),
        (
            "email",
            rf"(?i)(?<![\w.+-])[\w.+-]+\s?[(\[]\s?at\s?[)\]]\s?[\w-]+(?:\.[\w-]+|\s?[(\[]\s?dot\s?[)\]]\s?{_TOP})+",
        ),
        ("email", rf"(?i)(?<![\w.+-])[\w.+-]+\sat\s[\w-]+(?:\sdot\s{_TOP}\b)+"),
        ("url", rf"(?i){_LINK}[^\s/?#@]+@{_REST}"),
        ("url", rf"(?i){_LINK}[^\s<>\"?#]+[?#]{_REST}"),
        ("url", rf"(?i)(?<![\w@.-])(?:[\w-]+\.)+{_TOP}(?:/[^\s<>\"?#]*)?\?[^\s<>\"]*={_REST}"),
        ("url", rf"(?i){_LINK}[^\s<>\"]*/(?:~|@|(?:users?|u|profiles?|accounts?|members?|in)/){_REST}"),
        ("url", rf"(?i){_LINK}[^\s<>\"/]+/(?:[^\s<>\"\d]|\d(?!\d{{4}}))*\d{{5}}{_REST}"),
        ("social_security", r"(?<![\w-])\d{3}[ -]\d{2}[ -]\d{4}(?![\w-])"),
        ("social_security", r"(?i)\b(?![dfiquv])[a-z](?![dfiquvo])[a-z]\s?\d{2}\s?\d{2}\s?\d{2}\s?[a-d]\b"),
        ("account_number", r"(?<![\w$€£])(?<!\d[.,])\w*?\d{7,}\w*(?!\w|[.,]\d)"),
        ("account_number", r"(?<!\d)\d{4}(?:[ -]\d{4}){3,}(?!\d)"),
        ("address", rf"{_NUMBER}(?:{_CAPITAL}){{1,4}}(?:{_STREET}|{_STREET_TOO})\b{_FLAT}{_TOWN}"),
        ("address", rf"{_NUMBER}(?:{_NO_STREET}[a-z'’]+[ ]){{1,2}}{_STREET}\b{_FLAT}{_TOWN}"),
        ("address", r"(?i)\bp\.?[ ]?o\.?[ ]?box[ ]\d+"),
        ("postcode", rf"\b{_STATE},?[ ]{_ZIP}(?!\w)"),
        ("postcode", rf"\b{_UK_POSTCODE}\b"),
        (
            "postcode",
            rf"(?i)\b(?:zip|zip ?code|post ?code)(?:\sis)?:?\s({_ZIP}|[a-z]{{1,2}}\d[a-z\d]?\s?\d[a-z]{{2}})\b",
        ),
        (
            "date_of_birth",
            rf"(?i)\b(?:born|d\.?o\.?b\.?|date of birth|birth\s?day|birth\s?date)\b.{{0,25}}?(?<![\w.])({_DATE})(?!\w)",
        ),
    )
)

_DIGIT_GROUPS = re.compile(r"(?<!\w)\d+(?:[ -]\d+)*(?!\w)")
_MAESTRO = ("5018", "5020", "5038", "5893", "6304", "6759", "6761", "6762", "6763")
_IBAN = re.compile(r"(?i)(?<!\w)[a-z]{2}\d{2}(?:[ -]?[a-z0-9]{4}){2,7}(?:[ -]?[a-z0-9]{1,3})?(?!\w)")
_IP = re.compile(r"(?<![\w.:])(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:]|\.\d)")
_VERSION = re.compile(r"(?:\bv|version|firmware|build|release)[\s.:]*$", re.IGNORECASE)


def _cards(text: str) -> Iterator[Span]:
    """13 to 19 digits in whole groups that pass Luhn's check and start as payment cards do."""
    for sequence in _DIGIT_GROUPS.finditer(text):
        groups = list(re.finditer(r"\d+", sequence[0]))
        for first, group in enumerate(groups):
            digits = ""
            for last in groups[first : first + 19]:
                digits += last[0]
                if len(digits) > 19:
                    break
                if _starts_as_card(digits) and _luhn(digits):
                    yield Span(sequence.start() + group.start(), sequence.start() + last.end(), "card_number")


def _starts_as_card(digits: str) -> bool:
    """13 to 19 digits of a payment network, JCB's older cards (1800, 15 digits), or Maestro's shortest (12)."""
    if len(digits) == 12:
        return digits.startswith(_MAESTRO)
    return len(digits) >= 13 and (digits[0] in "23456" or (len(digits) == 15 and digits.startswith("1800")))


def _luhn(digits: str) -> bool:
    """Luhn's check: every second digit from the right doubled, the sum of all digits divisible by 10."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def _ibans(text: str) -> Iterator[Span]:
    """The longest start of an IBAN-shaped stretch that has 15 to 34 characters and passes ISO 7064 mod 97-10."""
    for match in _IBAN.finditer(text):
        for end in range(len(match[0]), 14, -1):
            characters = re.sub(r"[ -]", "", match[0][:end])
            whole = match[0][end - 1] not in " -" and not match[0][end : end + 1].isalnum()
            if not (whole and 15 <= len(characters) <= 34 and characters.isascii()):
                continue
            if int("".join(str(int(c, 36)) for c in characters[4:] + characters[:4])) % 97 == 1:
                yield Span(match.start(), match.start() + end, "iban")
                break


def _ips(text: str) -> Iterator[Span]:
    for match in _IP.finditer(text):
        try:
            ip_address(match[0])
        except ValueError:
            continue
        if len(match[0]) > 2 and not _VERSION.search(text[max(0, match.start() - 12) : match.start()]):
            yield Span(match.start(), match.end(), "ip_address")


_PHONE_CUE = re.compile(r"\b(?:tele)?(?:phone|mobile|cell|tel|call|ring|reach|dial|text me|contact|fax)", re.IGNORECASE)
_PHONE_SHAPES = re.compile(
    r"(?:(?<![\w+])\+\d{1,3}(?:[ ]?\(0\))?(?:[ .()/-]{0,2}\d{2,}){2,6}"
    r"|(?<!\w)\(\d{2,5}\)[ .-]?\d{3,4}(?:[ .-]?\d{3,4})?"
    r"|(?<![\w-])(?:1[ .-])?[2-9]\d{2}([-. ])[2-9]\d{2}\1\d{4}"
    r"|(?<![\w-])(?=(?:\d[ /-]?){9})0\d{1,4}(?:[ /-]?\d{2,4}){2,4}"
    r"|(?<![\w.-])0\d(?:[ .-]\d{2}){4})(?:[ ]?(?:x|ext\.?)[ ]?\d{1,5})?(?!\w|-\d)"
)
_PHONE_AFTER_CUE = re.compile(r"(?<![\w.,-])\d{2,5}(?:[ .-]\d{2,4}){1,4}(?![\w-]|[.,]\d)")


def _phones(text: str, asked: str, regions: Sequence[str]) -> Iterator[Span]:
    """Numbers of the plans of ``regions``, then shapes that are phone numbers anywhere, then any after a cue."""
    if sum(character.isdigit() for character in text) < 7:
        return
    from phonenumbers import Leniency, PhoneNumberMatcher

    spans = [
        (found.start, found.end)
        for region in regions
        for found in PhoneNumberMatcher(text, region, leniency=Leniency.VALID)
    ]
    spans += [match.span() for match in _PHONE_SHAPES.finditer(text)]
    if _PHONE_CUE.search(text) or _PHONE_CUE.search(asked):
        spans += [match.span() for match in _PHONE_AFTER_CUE.finditer(text)]
    for start, end in spans:
        digits = sum(character.isdigit() for character in text[start:end])
        if 7 <= digits <= 20 and not _IS_DATE.fullmatch(text[start:end]):
            yield Span(start, end, "phone")


_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’-](?=[^\W\d_]))*(?![\w@])")
_PARTICLES = frozenset(
    ("van", "von", "der", "den", "de", "la", "del", "da", "di", "du", "bin", "al", "el", "ten", "ter")
)
COMMON_WORDS = frozenset(
    """
    a about account again all already also am an and any are as at be because been but by call can cannot case change
    correct could delivery details did different do does email everything for from good got had has have hello help
    here hey hi how i i'm i'd i've if in incorrect is it it's its just listed mail may me might misspelled misspelt
    missing must my name need no not nothing now of off ok okay on only or order our out please phone really regarding
    right same shall should showing so sorry spelled spelt still sure team thank thanks that that's the their them then
    there these they this those to us want was wasn't we were what when where which who why will with would wrong yes
    you your
    """.split()  # noqa: SIM905  a list of so many would be a page long
)
"""Words, in lower case, that are taken for no name, though some people bear them."""

_NAME_CUES = re.compile(
    r"(?i:\bmy\s(?:(?:full|first|last|given|family)\s)?(?:sur)?name(?:\s?['’]s|\sis|:)\s*|\bi(?:['’]m|\sam)\scalled\s"
    r"|\bname\s?[:=]\s*)"
)
_CAPITAL_CUES = re.compile(
    r"(?i:\b(?:in|under|by|for)\sthe\sname(?:\sof)?\s|\b(?:speaking|talking|chatting)\s(?:with|to)\s)"
    r"|(?i:^(?:good\s(?:morning|afternoon|evening)|hi|hello|hey|welcome)\b[^.!?]{0,40}[,.!]?\s+i(?:['’]m|\sam)\s)"
    r"|(?i:\bi\sgo\sby\s)|\b(?:Mr|Mrs|Ms|Mx|Miss|Dr|Prof|MR|MRS|MS|DR)\b\.?\s"
)
_THIS_IS = re.compile(r"\b(?i:this\sis|it['’]s|it\sis)\s")
_THEN_CALLS = re.compile(r",?\s(?:speaking|calling|on the (?:phone|line)|here|from)\b", re.IGNORECASE)
_GREETS = re.compile(r"(?i:(?:good\s(?:morning|afternoon|evening)|hi|hello|hey)(?:\s(?:there|again))?[\s,.!-]+)")
_HERE = re.compile(r",?\s(?:here|speaking|calling)\b", re.IGNORECASE)
_CLOSES = re.compile(r"(?i:\b(?:regards|sincerely|faithfully|cheers|yours)\b[,.!]?\s+)")
_ANSWERS = re.compile(r"(?i:(?:(?:yes|yeah|sure|ok|okay|of\scourse|certainly|hi|hello|it['’]s|it\sis)[\s,.!:]+)*)")
_ASKS_NAME = re.compile(r"\bname\b", re.IGNORECASE)
_ASKS = re.compile(r"\?|\b(?:please|confirm|need|provide)\b", re.IGNORECASE)
_ENDS = re.compile(r"\s*(?:[.,!/\n]|$)")
_GAP = re.compile(r"[ ](?=\S)")
_AFTER_INITIAL = re.compile(r"\.?[ ](?=\S)")


def _names(text: str, asked: str) -> Iterator[Span]:
    spans = [(cue.end(), _name_end(text, cue.end(), any_case=True)) for cue in _NAME_CUES.finditer(text)]
    spans += [(cue.end(), _name_end(text, cue.end())) for cue in _CAPITAL_CUES.finditer(text)]
    for cue in _THIS_IS.finditer(text):
        end = _name_end(text, cue.end())
        if end and _THEN_CALLS.match(text, end):
            spans.append((cue.end(), end))
    greeting = _GREETS.match(text)
    start = greeting.end() if greeting else 0
    end = _name_end(text, start)
    if end and _HERE.match(text, end) and (greeting or " " in text[start:end]):
        spans.append((start, end))
    for cue in _CLOSES.finditer(text):
        end = _name_end(text, cue.end())
        if end and not text[end:].strip(" .!\n"):
            spans.append((cue.end(), end))
    if _ASKS_NAME.search(asked) and _ASKS.search(asked):
        answer = _ANSWERS.match(text)
        start = answer.end() if answer else 0
        end = _name_end(text, start, any_case=len(text.split()) <= 3)
        if end and (" " in text[start:end] or _ENDS.match(text, end)):
            spans.append((start, end))
    return (Span(start, end, "name") for start, end in spans if end)


def _name_end(text: str, start: int, *, any_case: bool = False) -> int:
    """Where the name of up to four words that begins at ``start`` ends; 0 when there is none.

    A name begins with a capital and goes on as long as capitals do, or, with ``any_case``, is up to two words.
    """
    small = False
    end = count = 0
    at = start
    while count < (2 if small else 4) and (word := _WORD.match(text, at)):
        plain = word[0].casefold()
        capital = word[0][0].isupper()
        if plain in COMMON_WORDS or not (capital or small or plain in _PARTICLES or (any_case and count == 0)):
            break
        small = small or not (capital or plain in _PARTICLES)
        count += plain not in _PARTICLES
        at = word.end()
        if capital or small:
            end = at
        gap = (_AFTER_INITIAL if len(word[0]) == 1 else _GAP).match(text, at)
        if gap is None:
            break
        at = gap.end()
    return end
