"""Flows: how a dialogue of the sample corpus unfolds."""

import re
from collections.abc import Callable

from turnwise.sample.banks import Intent, intents, topics_of
from turnwise.sample.exchanges import Exchanges
from turnwise.sample.labels import GROUP_OF
from turnwise.sample.markup import Phrase
from turnwise.sample.talk import Conversation

_OPENS_POLITELY = re.compile(r"(hi|hello|hey|ok|pls|hiya)\b", re.IGNORECASE)
_LATER = {"cancel_order": ("delayed",), "refund_status": ("lost", "delivered", "processing")}
_EARLY_CHANGES = frozenset({"cancel_order", "return_item", "exchange_item", "delete_account"})


class Scenario:
    """Plays one dialogue.

    `again` yields the intent of a second request; `give_back` returns one that did not come up
    as the single intent of a turn.
    """

    def __init__(self, talk: Conversation, again: Callable[[str], str], give_back: Callable[[str], None]) -> None:
        self.talk = talk
        self.exchange = Exchanges(talk)
        self._again = again
        self._give_back = give_back

    def solved(self, name: str, second: float) -> int:
        """One or two requests, both settled."""
        self.exchange.welcome()
        handled = self._open(name)
        for intent in handled:
            self._settle(intent, solo=len(handled) == 1)
        if self.talk.chance(0.34):
            self._stray()
        if self.talk.chance(second):
            self._second(handled[-1].name)
        self.exchange.close()
        return 3

    def refused(self, name: str) -> int:
        """The desk has to say no; the customer gives in or leaves angry."""
        talk, intent = self.talk, intents()[name]
        self.exchange.welcome()
        self._open_one(name, refusable=True)
        self.exchange.identify(intent)
        self.exchange.clarify(intent, 0.5)
        answer = talk.approved(f"{name}.refuse")
        if talk.chance(0.5):
            self.exchange.vent("rules" if "explain" in answer.acts else talk.rng.choice(("agitated", "hostile")))
            self.exchange.soothe()
        if talk.chance(0.5):
            talk.customer(talk.draw("resigned"), intents=None, acts=("affirm",))
            talk.approved("resigned")
            self.exchange.close(short=True)
            return 2
        if talk.chance(0.5):
            self.exchange.vent(talk.rng.choice(("agitated", "hostile", "staff")))
            self.exchange.soothe()
        self.exchange.leave_angry()
        return 1

    def handed_over(self, name: str) -> int:
        """A request the desk cannot answer goes to a colleague."""
        talk = self.talk
        self.exchange.welcome()
        hard = talk.decks.draw("hard", lambda phrase: phrase.intents == (name,))
        if talk.chance(0.5) and name != "complaint":
            talk.facts.take_item(hard.category or _item(intents()[name]))
            opener = talk.draw(f"{name}.open")
            self._say_opener(opener, intents()[name])
            self.exchange.identify(intents()[name])
            talk.approved(f"{name}.solve")
            if talk.chance(0.4):
                talk.customer(talk.draw("accept"), intents=("affirm",), acts=("affirm",))
                talk.agent("more")
        talk.facts.take_item(hard.category)
        talk.customer(hard, intents=hard.intents, handoff=True)
        if talk.chance(0.25):
            talk.agent("hold", typed=0.4)
        talk.agent("handoff", group=GROUP_OF[name])
        return self.exchange.part_after_handoff()

    def asks_for_a_person(self) -> int:
        """The customer does not want to talk to this agent."""
        talk, name = self.talk, "speak_to_human"
        self.exchange.welcome()
        opener = talk.draw(f"{name}.open")
        if talk.chance(0.45):
            self._say_opener(opener, intents()[name], handoff=True)
            talk.agent("handoff", typed=0.1, group="human")
            return self.exchange.part_after_handoff()
        self._say_opener(opener, intents()[name])
        talk.approved(f"{name}.ask")
        talk.customer(talk.draw(f"{name}.answer"), intents=None, acts=("inform",))
        talk.agent(f"{name}.solve", typed=0.0)
        if talk.chance(0.5):
            self.exchange.follow_up(name)
        self.exchange.acknowledge()
        self._second(name)
        self.exchange.close()
        return 3

    def out_of_scope(self, name: str) -> int:
        """Small talk and foreign questions first, then perhaps a real request."""
        self.exchange.welcome()
        self._stray(opening=True)
        if self.talk.chance(0.75):
            self._open_one(name)
            self._settle(intents()[name])
            self.exchange.close()
            return 3
        self._give_back(name)
        self.exchange.close(short=True)
        return 2

    def _open(self, name: str) -> list[Intent]:
        talk = self.talk
        if talk.chance(0.07):
            several = talk.decks.draw("multi", lambda phrase: all(map(self._timely, phrase.intents)))
            talk.facts.take_item(several.category)
            talk.customer(*self._dress(several), intents=several.intents)
            self._give_back(name)
            names = several.intents
        elif talk.chance(0.05):
            names = self._join(name)
        else:
            self._open_one(name)
            return [intents()[name]]
        if talk.chance(0.6):
            talk.approved("both")
        return [intents()[each] for each in names]

    def _join(self, name: str) -> tuple[str, ...]:
        talk, other = self.talk, self._again(name)
        first = talk.decks.draw(f"{name}.open")
        talk.facts.take_item(first.category or _item(intents()[name]) or _item(intents()[other]))
        second = talk.draw(f"{other}.open")
        talk.customer(first, talk.draw("join"), second, intents=(name, other))
        self._give_back(name)
        self._give_back(other)
        return (name, other)

    def _open_one(self, name: str, refusable: bool = False) -> None:
        intent = intents()[name]
        topics = topics_of(f"{name}.refuse") if refusable else frozenset()
        opener = self.talk.decks.draw(f"{name}.open", lambda phrase: not topics or bool({phrase.topic} & topics))
        self.talk.facts.take_item(opener.category or _item(intent))
        self._say_opener(opener, intent)

    def _say_opener(self, opener: Phrase, intent: Intent, handoff: bool = False) -> None:
        talk = self.talk
        parts = self._dress(opener)
        unknown = intent.needs not in talk.identified and talk.chance(0.22)
        if unknown and intent.needs == "order" and "order_number" not in opener.gives:
            parts.append(talk.draw("order_tail"))
        if unknown and intent.needs == "account" and not opener.gives & {"email", "username"}:
            parts.append(talk.draw("account_tail"))
        if opener.emotions and talk.chance(0.18):
            parts.append(self._mood_tail(opener.emotions))
        talk.customer(*parts, intents=(intent.name,), handoff=handoff)
        if not talk.turns[:-1] and talk.chance(0.03):
            nudge = talk.draw("nudge")
            talk.customer(nudge, intents=None, acts=("request",))
            talk.approved("still_here")

    def _mood_tail(self, emotions: tuple[str, ...]) -> Phrase:
        suited = set(emotions) & {"stuck", "staff"} or {
            "problem",
            "agitated",
            "worried",
            "hostile",
            "staff",
        }
        return self.talk.decks.draw("mood_tail", lambda phrase: set(phrase.emotions) <= suited)

    def _dress(self, opener: Phrase) -> list[Phrase]:
        talk, parts = self.talk, []
        first = not any(turn["speaker"] == "customer" for turn in talk.turns)
        if first and not _OPENS_POLITELY.match(opener.text) and talk.chance(0.33):
            parts.append(talk.draw("hello"))
        if first and talk.chance(0.04):
            parts.append(talk.draw("ramble"))
        return [*parts, opener]

    def _settle(self, intent: Intent, solo: bool = True) -> None:
        talk, name = self.talk, intent.name
        talk.facts.take_item(_item(intent))
        self.exchange.identify(intent)
        self.exchange.clarify(intent, 0.55 if solo else 0.15)
        if solo and name in _EARLY_CHANGES and talk.chance(0.2):
            name = self._change_mind(name)
        if solo and self.exchange.just_answered() and talk.chance(0.07):
            self.exchange.vent("staff")
            self.exchange.soothe()
        guided = self.exchange.answer(name)
        if talk.mood in ("agitated", "worried") and talk.chance(0.3):
            self.exchange.soothe()
        if solo and name not in _EARLY_CHANGES and talk.chance(0.15):
            changed = self._change_mind(name)
            if changed != name:
                name = changed
                guided = self.exchange.answer(name)
        self.exchange.react(name, guided)

    def _change_mind(self, name: str) -> str:
        talk = self.talk

        def fits(phrase: Phrase) -> bool:
            if dict(phrase.conditions).get("from") != name or not talk.facts.allows(phrase):
                return False
            target = intents()[phrase.intents[0]]
            return _item(target) in (None, talk.facts.category) and self._timely(target.name)

        if not talk.decks.has("change_mind", fits):
            return name
        phrase = talk.decks.draw("change_mind", fits)
        talk.customer(phrase, intents=phrase.intents, acts=("request",))
        talk.approved("change_ok")
        return phrase.intents[0]

    def _timely(self, name: str) -> bool:
        """Whether a request suits the present state of the parcel."""
        status = {*intents()[name].status, *_LATER.get(name, ())}
        return not intents()[name].status or self.talk.facts.profile["shipping_status"] in status

    def _stray(self, opening: bool = False) -> None:
        talk = self.talk
        if not opening:
            talk.agent("more")
        stray = talk.decks.draw("scope")
        parts = self._dress(stray) if opening else [stray]
        talk.customer(*parts, intents=(), acts=("request",))
        talk.approved(f"scope_{dict(stray.conditions)['kind']}")

    def _second(self, name: str) -> None:
        talk = self.talk
        other = intents()[self._again(name)]
        if talk.turns[-1]["speaker"] == "customer":
            talk.agent("more")
        opener = talk.decks.draw(f"{other.name}.open")
        talk.facts.take_item(opener.category or _item(other))
        talk.customer(talk.draw("more"), opener, intents=(other.name,))
        self._settle(other)


def _item(intent: Intent) -> str | None:
    """The one kind of product an intent is about, if it is one."""
    return None if intent.item in ("any", "none") else intent.item
