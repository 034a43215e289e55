"""The label sets of the sample corpus."""

GROUPS: dict[str, tuple[str, ...]] = {
    "orders": (
        "track_order",
        "cancel_order",
        "change_order",
        "missing_item",
        "wrong_item",
        "damaged_item",
    ),
    "delivery": ("delivery_delay", "lost_package", "change_address", "delivery_options"),
    "returns": ("return_item", "exchange_item", "refund_status"),
    "payments": ("payment_failed", "double_charge", "invoice_request", "promo_code", "gift_card"),
    "account": ("account_login", "change_email", "delete_account", "data_request"),
    "products": ("size_advice", "stock_question", "product_question", "warranty"),
    "membership": ("membership_upgrade",),
    "complaint": ("complaint",),
    "human": ("speak_to_human",),
}
BUSINESS_INTENTS = tuple(intent for intents in GROUPS.values() for intent in intents)
CONVERSATION_INTENTS = ("greeting", "thanks", "goodbye", "affirm", "deny", "provide_details")
INTENTS = BUSINESS_INTENTS + CONVERSATION_INTENTS
GROUP_OF = {intent: group for group, intents in GROUPS.items() for intent in intents}

AGENT_ACTS = (
    "inform",
    "passive_confirmation",
    "greeting",
    "active_confirmation",
    "request",
    "guide",
    "courtesy",
    "suggest",
    "other",
    "apology",
    "comfort",
    "goodbye",
    "explain",
    "deny",
    "request_to_repeat",
    "empathy",
    "agree",
)
CUSTOMER_ACTS = (
    "inform",
    "request",
    "confirm",
    "complain",
    "thank",
    "greet",
    "bye",
    "affirm",
    "deny",
)

EMOTIONS = {
    "calm": "neutral",
    "problem": "complain_about_a_problem",
    "agitated": "emotionally_more_agitated",
    "hostile": "very_anxious_and_having_a_bad_attitude",
    "staff": "dissatisfied_with_customer_service_representative_service",
    "worried": "express_concern_or_anxiety",
    "rules": "dissatisfied_with_business_rules",
    "stuck": "difficulty_performing_an_operation",
    "resigned": "not_satisfied_but_no_longer_pursue",
}
COMPLAINING = frozenset({"problem", "agitated", "hostile", "staff", "rules"})

STATE_KEYS = {
    "order_number": "order.number",
    "date": "order.date",
    "product": "item.product",
    "size": "item.size",
    "new_size": "item.new_size",
    "colour": "item.colour",
    "new_colour": "item.new_colour",
    "quantity": "item.quantity",
    "city": "delivery.city",
    "carrier": "delivery.carrier",
    "tracking_number": "delivery.tracking_number",
    "amount": "payment.amount",
    "payment_method": "payment.method",
    "promo_code": "payment.promo_code",
    "gift_card_code": "payment.gift_card_code",
    "membership_tier": "account.membership",
}
SLOTS = tuple(STATE_KEYS)
PII = (
    "name",
    "email",
    "phone",
    "address",
    "card_number",
    "iban",
    "date_of_birth",
    "ip_address",
    "username",
)
CATEGORIES = ("wearable", "gadget", "homeware")
LABEL_OF = {
    "wearable": "product",
    "gadget": "product",
    "homeware": "product",
    "new_email": "email",
    "agent": "name",
    "fee": "amount",
    "later": "date",
}
