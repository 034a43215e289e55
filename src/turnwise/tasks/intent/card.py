"""The model card that lies in a model folder."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

_METHOD = {
    "one": "An utterance gets the intent that the nearest training utterances, the intents' means and their trained "
    "directions vote for; each answer names the nearest utterances.",
    "softmax": "An utterance gets the likeliest class of a linear layer over its vector; each answer names the nearest "
    "training utterances, which do not decide.",
    "several": "An utterance gets every intent whose trained direction it is close enough to; each answer names the "
    "nearest training utterances, which do not decide.",
}

_SOURCES = {
    "similarity": (
        "- Vulić et al. 2021, ConvFiT: Conversational Fine-Tuning of Pretrained Language Models.",
        "- Wang et al. 2019, Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning.",
    ),
    "softmax": ("- DSDF, section 3.3: intent recognition as multi-class classification.",),
}


def model_card(labels: Sequence[str], version: str, content: Mapping[str, Any]) -> str:
    """README.md of a fitted detector: what it is, how it was made, how good it is, how to use it."""
    facts = content["facts"]
    measured = facts.get("held_out", {})
    lines = [
        "# Intent detector",
        "",
        f"Version `{version}`, fitted with turnwise {facts.get('turnwise', '')} on {facts.get('utterances', '?')} "
        f"utterances of {len(labels)} intents; encoder: `{content['encoder']}`.",
        "",
        _METHOD["softmax" if content.get("classes") else "several" if content["decision"]["several"] else "one"],
        "",
        "## Made by",
        "",
        "```json",
        json.dumps(facts.get("recipe", {}), indent=1),
        "```",
        "",
        "## Measured on utterances held out of training",
        "",
        *([f"- {name}: {value}" for name, value in measured.items()] or ["Nothing was held out."]),
        "",
        "## Use",
        "",
        "```",
        'turnwise predict THIS_FOLDER "where is my parcel"',
        "turnwise serve THIS_FOLDER",
        "```",
        "",
        "## Limits",
        "",
        "Texts unlike the training utterances get low confidence; a threshold turns them into out-of-scope answers "
        "(`turnwise intent reject`). The training utterances are part of this folder: treat it as their data.",
        "",
        "## Sources",
        "",
        *_SOURCES["softmax" if content.get("classes") else "similarity"],
        "",
        "## Intents",
        "",
        ", ".join(f"`{label}`" for label in labels),
        "",
    ]
    return "\n".join(lines)
