"""Short exchanges that the flows are put together from."""

from turnwise.sample.banks import Intent, ask_of
from turnwise.sample.labels import GROUP_OF
from turnwise.sample.markup import Phrase
from turnwise.sample.talk import Conversation

_MENDABLE = frozenset({"payments", "account"})

_SPECIAL = (
    ("hostile", "very_anxious_and_having_a_bad_attitude"),
    ("staff", "dissatisfied_with_customer_service_representative_service"),
    ("rules", "dissatisfied_with_business_rules"),
)
_WORRYING = frozenset(
    {
        "cancel_order",
        "missing_item",
        "damaged_item",
        "delivery_delay",
        "lost_package",
        "change_address",
        "refund_status",
        "payment_failed",
        "double_charge",
        "account_login",
        "delete_account",
    }
)
_PAID_BACK = frozenset({"refund_status", "double_charge"})
_MUST_KNOW = {"change_email": "new_email", "change_address": "address"}
_ACT_OF = {"affirm": "affirm", "deny": "deny", "thanks": "thank", "goodbye": "bye"}


class Exchanges:
    """Questions, answers and courtesies between customer and agent."""

    def __init__(self, talk: Conversation) -> None:
        self.talk = talk

    def welcome(self) -> None:
        """A greeting, by either side or none."""
        talk = self.talk
        if talk.chance(0.2):
            talk.customer(talk.draw("greet"), intents=("greeting",), acts=("greet",))
            talk.agent("greet")
        elif talk.chance(0.25):
            talk.agent("greet")

    def answer(self, name: str) -> bool:
        """The solution; returns whether it asks the customer to do something."""
        talk = self.talk
        typed = talk.chance(0.3) and talk.can_type(name)
        phrase = talk.typed(name) if typed else talk.approved(f"{name}.solve")
        return "guide" in phrase.acts

    def react(self, name: str, guided: bool) -> None:
        """What the customer makes of the solution."""
        talk = self.talk
        if name in _PAID_BACK and talk.chance(0.5):
            self.ask("ask_iban", "give_iban")
        elif name == "complaint" and talk.chance(0.4):
            self.ask("ask_phone", "give_phone")
        if guided and GROUP_OF[name] in _MENDABLE and talk.chance(0.4):
            talk.customer(talk.draw("stuck"), intents=None, acts=("inform",))
            talk.agent("soothe_stuck", typed=0.0)
            talk.customer(talk.draw("stuck_solved"), intents=("affirm",), acts=("affirm",))
            return
        if name in _WORRYING and talk.chance(0.15):
            talk.customer(talk.draw("worried"), intents=None, acts=("confirm",))
            self.soothe()
        if talk.chance(0.45):
            self.follow_up(name)
        self.acknowledge()

    def acknowledge(self) -> None:
        """The customer accepts or thanks."""
        talk = self.talk
        if talk.chance(0.45):
            talk.customer(talk.draw("accept"), intents=("affirm",), acts=("affirm",))
        else:
            talk.customer(talk.draw("thanks"), intents=("thanks",), acts=("thank",))

    def follow_up(self, name: str) -> None:
        """A question about the solution and its approved answer."""
        talk = self.talk
        question = talk.draw(f"{name}.follow")
        talk.customer(question, intents=(name,), acts=("request",))
        talk.agent(f"{name}.explain", typed=0.0)

    def clarify(self, intent: Intent, probability: float) -> None:
        """The intent's own question, unless its answer is known."""
        talk = self.talk
        if not talk.chance(1 if _MUST_KNOW.get(intent.name, "") not in talk.told else probability):
            return
        asked = set(ask_of(intent.name))
        if (asked and intent.name not in _MUST_KNOW and asked <= talk.labels_told) or not talk.has_approved(
            f"{intent.name}.ask"
        ):
            return
        talk.approved(f"{intent.name}.ask")
        answer = talk.draw(f"{intent.name}.answer")
        details = ("provide_details",) if answer.gives else None
        talk.customer(answer, intents=answer.intents or details, acts=acts_of(answer))

    def identify(self, intent: Intent) -> None:
        """Find out which order or account this is about."""
        talk = self.talk
        if talk.mood not in ("calm", "stuck") and talk.chance(0.25):
            self.soothe()
            talk.mood = "calm"
        if intent.needs == "order" and not talk.identified:
            self.find_order()
        elif intent.needs == "account" and "account" not in talk.identified:
            self.find_account()
        if GROUP_OF[intent.name] == "account" and talk.chance(0.3):
            self.ask("verify", "give_birth")
        if intent.name == "account_login" and talk.chance(0.4):
            self.ask("ask_ip", "give_ip")
        elif intent.name in ("payment_failed", "double_charge") and talk.chance(0.3):
            self.ask("ask_card", "give_card")
        if intent.needs != "none" and talk.chance(0.22):
            talk.agent("hold", typed=0.4)
            if talk.chance(0.5):
                talk.customer(talk.draw("ok_wait"), intents=("affirm",), acts=("affirm",))

    def find_order(self) -> None:
        """Ask for the order number, which does not always come at once."""
        talk = self.talk
        if talk.chance(0.1):
            talk.approved("confirm")
            if talk.chance(0.75):
                talk.customer(talk.draw("confirm_yes"), intents=("affirm",), acts=("affirm",))
            else:
                correct = talk.draw("confirm_no")
                talk.customer(correct, intents=("deny", "provide_details"), acts=("deny", "inform"))
            talk.identified.add("order")
            return
        talk.agent("ask_order", typed=0.25)
        if talk.chance(0.1):
            self.inform("no_order")
            asked = talk.approved("ask_email_instead")
            if "email" in asked.requested:
                self.inform("give_account")
                talk.identified |= {"order", "account"}
                return
        elif talk.chance(0.06):
            self.inform("unclear")
            talk.approved("repeat")
        self.inform("give_order")
        if talk.chance(0.06):
            talk.facts.forget("order_number")
            self.inform("correction")
            talk.approved("corrected")
        talk.identified.add("order")

    def find_account(self) -> None:
        """Ask for the account."""
        self.talk.agent("ask_account", typed=0.25)
        self.inform("give_account")
        self.talk.identified.add("account")

    def ask(self, question: str, answer: str) -> None:
        """A question of the pool, its answer and a receipt."""
        self.talk.approved(question)
        self.inform(answer)
        self.talk.approved("got_it", step=question)

    def inform(self, role: str) -> None:
        """The customer gives a detail, or fails to."""
        phrase = self.talk.draw(role)
        details = ("provide_details",) if phrase.gives else None
        self.talk.customer(phrase, intents=details, acts=("inform",))

    def vent(self, emotion: str) -> None:
        """The customer lets off steam."""
        talk = self.talk
        talk.customer(talk.draw(emotion), intents=None, acts=("complain",))
        if emotion == "staff" and talk.chance(0.3):
            talk.agent("agree", typed=0.6)

    def soothe(self) -> None:
        """The agent answers the customer's emotion."""
        talk = self.talk
        emotions = talk.turns[-1]["labels"].get("emotion", ())
        code = "agitated" if talk.mood == "calm" else talk.mood
        for key, long in _SPECIAL:
            if long in emotions:
                code = key
        if talk.mood not in ("worried", "stuck") and talk.chance(0.25):
            talk.typed("soothe")
        else:
            talk.approved(f"soothe_{code}")

    def just_answered(self) -> bool:
        """Whether the customer has just replied to a question of the agent."""
        before, last = self.talk.turns[-2:] if len(self.talk.turns) > 3 else ({}, {})
        return last.get("speaker") == "customer" and bool(before.get("labels", {}).get("requested"))

    def close(self, short: bool = False) -> None:
        """The last turns."""
        talk = self.talk
        if short or talk.chance(0.3):
            talk.customer(talk.draw("bye"), intents=("goodbye",), acts=("bye",))
        elif talk.chance(0.75):
            if talk.turns[-1]["speaker"] == "customer":
                talk.agent("more")
            done = talk.draw("no_more")
            talk.customer(done, intents=done.intents, acts=acts_of(done))
        talk.agent("bye")

    def leave_angry(self) -> None:
        """The customer leaves unsatisfied."""
        talk = self.talk
        talk.customer(talk.draw("angry_bye"), intents=("goodbye",), acts=("bye", "complain"))
        talk.agent("bye", typed=0.0)

    def part_after_handoff(self) -> int:
        """How the customer takes the hand-over; returns the satisfaction."""
        talk = self.talk
        if talk.chance(0.25):
            self.ask("ask_phone", "give_phone")
        if talk.chance(0.7):
            accepted = talk.draw("handoff_ok")
            intent = ("affirm", "provide_details") if accepted.gives else ("affirm",)
            talk.customer(accepted, intents=intent, acts=("affirm",))
            if talk.chance(0.5):
                talk.agent("bye")
            return 2
        upset = talk.draw("handoff_upset")
        gives_in = "resigned" in upset.emotions
        talk.customer(
            upset,
            intents=("affirm",) if gives_in else None,
            acts=("affirm",) if gives_in else ("complain",),
        )
        talk.agent("resigned" if gives_in else "soothe_staff", typed=0.0)
        return 2 if gives_in else 1


def acts_of(phrase: Phrase) -> list[str]:
    """The acts of a customer's answer."""
    found = [_ACT_OF[name] for name in phrase.intents if name in _ACT_OF]
    if phrase.gives or not found:
        found.append("inform")
    return found
