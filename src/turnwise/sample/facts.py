"""The facts of one dialogue: the customer, the order, the item, and how they are written."""

import random
from typing import Any

from turnwise.sample.labels import CATEGORIES
from turnwise.sample.markup import Phrase, Value

_COUNTRIES = {
    "GB": ("£{}", "{} pounds", "GBP {}", "{}£"),
    "DE": ("{} €", "{} euros", "EUR {}", "€{}"),
    "US": ("${}", "{} dollars", "{} bucks", "USD {}"),
    "IE": ("€{}", "{} euro", "EUR {}"),
    "NL": ("{} €", "EUR {}", "{} euros"),
    "CA": ("CAD {}", "${}"),
}
_CURRENCY = {"GB": "GBP", "DE": "EUR", "US": "USD", "IE": "EUR", "NL": "EUR", "CA": "CAD"}
_CARRIERS = ("ParcelRun", "Nordpost", "Quickvan", "Bluebird", "Postdirect", "Redline")
_STATUS = ("processing", "in_transit", "out_for_delivery", "delivered", "delayed", "returned")
_BANDS = ("under_25", "25_50", "50_100", "100_250", "over_250")
_MONTHS = ("January", "March", "April", "June", "August", "September", "November")


class Facts:
    """Draws a value when it is first mentioned and keeps it for the rest of the dialogue."""

    def __init__(self, rng: random.Random, values: dict[str, Any], status: tuple[str, ...] = ()) -> None:
        self._rng = rng
        self._values = values
        self._known: dict[str, Value] = {}
        self.category: str | None = None
        self.profile = {
            "carrier": rng.choice(_CARRIERS),
            "shipping_status": rng.choice(status or _STATUS),
            "membership": rng.choices(("none", "silver", "gold", "platinum"), (50, 22, 18, 10))[0],
            "order_value": rng.choice(_BANDS),
            "country": rng.choices(tuple(_COUNTRIES), (50, 12, 16, 8, 7, 7))[0],
            "channel": rng.choices(("web_chat", "mobile_app", "email", "messenger"), (45, 25, 12, 18))[0],
            "returning_customer": rng.choice(("yes", "yes", "no")),
        }

    def allows(self, phrase: Phrase) -> bool:
        """Whether a phrase speaks of the kind of item this dialogue is about."""
        return phrase.category is None or phrase.category == self.category

    def take_item(self, category: str | None) -> None:
        """Turn to an item of this category; None keeps the present one or draws any."""
        if category is None and self.category:
            return
        if category != self.category or category is None:
            self.category = category or self._rng.choice(CATEGORIES)
            for name in ("product", "size", "new_size", "colour", "new_colour", "quantity"):
                self._known.pop(name, None)

    def forget(self, *names: str) -> None:
        """Draw these values anew when next mentioned."""
        for name in names:
            self._known.pop(name, None)

    def note(self, label: str, value: Value) -> None:
        """Keep a value that a phrase brought along."""
        self._known[label] = value

    def fill(self, name: str, speaker: str) -> Value:
        """The value of a placeholder as this speaker writes it."""
        if name in CATEGORIES:
            name = "product"
        if name == "order_number":
            return self._order_number(speaker)
        if name in ("amount", "fee"):
            return self._amount(name, speaker)
        if name not in self._known:
            self._known[name] = self._draw(name)
        if name == "name" and speaker == "agent":
            return Value(self._known[name].surface.split()[0])
        return self._known[name]

    def _digits(self, count: int) -> str:
        return "".join(self._rng.choices("0123456789", k=count))

    def _order_number(self, speaker: str) -> Value:
        if "order_number" not in self._known:
            first = self._rng.choice(self._values["order_first"])
            self._known["order_number"] = Value(first + self._digits(5))
        number = self._known["order_number"].surface
        normal = f"LM-{number}"
        if speaker == "agent":
            return Value(normal)
        shapes = (normal, normal, number, f"#{number}", f"lm{number}", f"LM {number}")
        surface = self._rng.choice(shapes)
        return Value(surface, normal if surface != normal else None)

    def _amount(self, name: str, speaker: str) -> Value:
        if name not in self._known:
            self._known[name] = Value(self._rng.choice(self._values[name]))
        price, country = self._known[name].surface, self.profile["country"]
        shapes = _COUNTRIES[country][: 1 if speaker == "agent" else None]
        if speaker == "customer" and self._rng.random() < 0.06:
            country = self._rng.choice(("DE", "US"))
            shapes = _COUNTRIES[country]
        decimal = price.replace(".", ",") if country == "DE" else price
        return Value(self._rng.choice(shapes).format(decimal), f"{price} {_CURRENCY[country]}")

    def _draw(self, name: str) -> Value:
        draw = getattr(self, f"_draw_{name}", None)
        if draw is not None:
            value: Value = draw()
            return value
        return Value(self._rng.choice(self._values[name]))

    def _draw_product(self) -> Value:
        return Value(self._rng.choice(self._values[self.category or "homeware"]))

    def _draw_size(self) -> Value:
        self._draw_sizes()
        return self._known["size"]

    def _draw_new_size(self) -> Value:
        self._draw_sizes()
        return self._known["new_size"]

    def _draw_sizes(self) -> None:
        run = self._rng.choice(self._values["size"])
        at = self._rng.randrange(len(run) - 1)
        self._known.setdefault("size", Value(run[at]))
        self._known.setdefault("new_size", Value(run[at + 1]))

    def _draw_new_colour(self) -> Value:
        present = self.fill("colour", "customer").surface
        others = [colour for colour in self._values["colour"] if colour != present]
        return Value(self._rng.choice(others))

    def _draw_later(self) -> Value:
        said = self._known.get("date")
        return Value(self._rng.choice([d for d in self._values["date"] if Value(d) != said]))

    def _draw_carrier(self) -> Value:
        return Value(self.profile["carrier"])

    def _draw_tracking_number(self) -> Value:
        code = self.profile["carrier"][:2].upper() + self._digits(9)
        spaced = f"{code[:2]} {code[2:5]} {code[5:8]} {code[8:]}"
        if self._rng.random() < 0.3:
            return Value(spaced, code)
        return Value(code)

    def _draw_gift_card_code(self) -> Value:
        return Value(f"GC-{self._digits(4)}-{self._digits(4)}")

    def _draw_name(self) -> Value:
        pick = self._rng.choice
        return Value(f"{pick(self._values['first'])} {pick(self._values['last'])}")

    def _mailbox(self) -> str:
        first, last = self.fill("name", "customer").surface.lower().split()
        shapes = (f"{first}.{last}", f"{first[0]}{last}", f"{first}_{last}", f"{last}{first[:2]}")
        return self._rng.choice(shapes)

    def _draw_email(self) -> Value:
        return Value(f"{self._mailbox()}@{self._rng.choice(self._values['domain'])}")

    def _draw_new_email(self) -> Value:
        number = self._rng.randint(10, 99)
        return Value(f"{self._mailbox()}{number}@{self._rng.choice(self._values['domain'])}")

    def _draw_address(self) -> Value:
        pick = self._rng.choice
        number, street = self._rng.randint(1, 148), pick(self._values["street"])
        city = self.fill("city", "customer").surface
        return Value(f"{number} {street}, {city} {pick(self._values['postcode'])}")

    def _draw_date_of_birth(self) -> Value:
        day, year = self._rng.randint(1, 28), self._rng.randint(1948, 2005)
        month = self._rng.randrange(len(_MONTHS))
        shapes = (f"{day} {_MONTHS[month]} {year}", f"{day:02d}/{month + 1:02d}/{year}")
        return Value(self._rng.choice(shapes))

    def _draw_ip_address(self) -> Value:
        return Value(f"{self._values['network']}.{self._rng.randint(2, 250)}")
