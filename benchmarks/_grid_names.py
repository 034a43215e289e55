"""What the grid's tables name: arms, tasks with their metrics and published figures, and the papers' findings."""

from collections.abc import Mapping
from dataclasses import dataclass

ARM_TITLES = {
    "none": "none",
    "mlm": "MLM",
    "speaker": "speaker (DSP)",
    "response_matching": "response matching (CRM)",
    "coherence": "coherence (DCV)",
    "entity_number": "entity number (ENP)",
    "reordering": "reordering (DUR)",
    "joint": "joint, ENP and CRM",
    "entity_number-without-mlm": "ENP without MLM",
    "next_turn": "next turn (NTP)",
    "next_turn-masked_speaker": "NTP and masked speaker (MSP)",
    "next_turn-ssr": "NTP, segments by speaker (SSR)",
}
_DSDF_ARMS = (
    "none",
    "mlm",
    "speaker",
    "response_matching",
    "coherence",
    "entity_number",
    "reordering",
    "joint",
    "entity_number-without-mlm",
)


@dataclass(frozen=True)
class Figures:
    """``metrics``: names in an evaluation and words of tables. ``published``: DSDF's figures by arm, its tables 2 to 7.

    ``unit`` is what limits count, ``protocol`` what the published figures were measured on, ``compared`` the metrics
    that they are, ``headline`` the metric that pictures and findings go by.
    """

    about: str
    unit: str
    headline: str
    metrics: Mapping[str, str]
    protocol: str
    compared: tuple[str, ...]
    published: Mapping[str, tuple[float, ...]]


def _by_arm(*rows: tuple[float, ...]) -> dict[str, tuple[float, ...]]:
    return dict(zip(_DSDF_ARMS, rows, strict=True))


TASK_FIGURES = {
    "INT": Figures(
        "intents with out-of-scope, CLINC150",
        "utterances an intent",
        "accuracy_all",
        {
            "accuracy_all": "accuracy, all",
            "in_scope_accuracy": "in scope",
            "in_out_accuracy": "in or out",
            "oos_recall": "out-of-scope recall",
        },
        "all of CLINC150",
        ("accuracy_all", "in_scope_accuracy", "in_out_accuracy", "oos_recall"),
        _by_arm(
            (84.96, 95.20, 88.70, 38.87),
            (85.10, 95.90, 88.30, 36.70),
            (85.78, 95.52, 89.28, 41.97),
            (85.02, 94.91, 88.92, 40.53),
            (85.00, 95.76, 88.32, 36.60),
            (86.27, 95.67, 89.60, 44.00),
            (85.80, 95.67, 89.11, 41.37),
            (84.31, 94.96, 88.26, 36.40),
            (85.79, 95.57, 89.18, 41.77),
        ),
    ),
    "DA": Figures(
        "acts of the system's next turn, GSIM",
        "dialogues",
        "micro_f1",
        {"micro_f1": "micro-F1", "macro_f1": "macro-F1", "macro_f1_of_13": "macro-F1 over 13 acts"},
        "all of GSIM",
        ("micro_f1", "macro_f1_of_13"),
        _by_arm(
            (99.07, 45.49),
            (99.35, 45.70),
            (99.35, 45.72),
            (99.31, 45.68),
            (99.41, 45.77),
            (99.57, 45.85),
            (99.48, 45.79),
            (99.46, 45.78),
            (99.34, 45.72),
        ),
    ),
    "RS": Figures(
        "response selection, GSIM",
        "dialogues",
        "r100@1",
        {"r100@1": "R100@1", "r100@3": "R100@3"},
        "all of GSIM",
        ("r100@1", "r100@3"),
        _by_arm(
            (19.21, 40.02),
            (35.71, 58.73),
            (36.59, 59.37),
            (41.94, 66.47),
            (29.35, 53.12),
            (33.33, 56.17),
            (29.37, 53.76),
            (39.48, 64.42),
            (16.92, 38.70),
        ),
    ),
    "DST": Figures(
        "dialogue state, WOZ 2.0",
        "dialogues",
        "joint_accuracy",
        {"joint_accuracy": "joint accuracy", "slot_accuracy": "slot accuracy"},
        "another corpus, MultiWOZ 2.1",
        ("joint_accuracy", "slot_accuracy"),
        _by_arm(
            (47.96, 96.86),
            (48.72, 96.94),
            (49.02, 96.96),
            (48.89, 96.97),
            (51.18, 97.15),
            (49.65, 97.07),
            (49.36, 97.10),
            (49.23, 97.04),
            (50.30, 97.21),
        ),
    ),
}


@dataclass(frozen=True)
class Finding:
    """A paper found ``better`` above ``than`` on one of ``tasks`` at least, by the headline metric."""

    said: str
    source: str
    better: str
    than: str
    tasks: tuple[str, ...]


_ALL = ("INT", "DA", "RS", "DST")
FINDINGS = (
    *(
        Finding(f"{name} helps some task", "DSDF, tables 2 to 6", arm, "none", _ALL)
        for name, arm in (
            ("DSP", "speaker"),
            ("CRM", "response_matching"),
            ("DCV", "coherence"),
            ("ENP", "entity_number"),
            ("DUR", "reordering"),
        )
    ),
    Finding("MLM alone helps response selection", "DSDF 5.1", "mlm", "none", ("RS",)),
    Finding("MLM alone helps state tracking", "DSDF 5.1", "mlm", "none", ("DST",)),
    Finding("DSP is better for intents than MLM", "DSDF 5.2", "speaker", "mlm", ("INT",)),
    Finding("CRM is better for selection than MLM", "DSDF 5.2", "response_matching", "mlm", ("RS",)),
    Finding("DCV is better for acts than MLM", "DSDF 5.2", "coherence", "mlm", ("DA",)),
    Finding("DCV is better for states than MLM", "DSDF 5.2", "coherence", "mlm", ("DST",)),
    Finding("ability: ENP is better for intents than DSP", "DSDF 5.3", "entity_number", "speaker", ("INT",)),
    Finding("ability: ENP is better for states than DSP", "DSDF 5.3", "entity_number", "speaker", ("DST",)),
    Finding("structure: CRM is better for selection than DUR", "DSDF 5.3", "response_matching", "reordering", ("RS",)),
    Finding("the joint model is worse at intents than ENP", "DSDF 5.4", "entity_number", "joint", ("INT",)),
    Finding("the joint model is worse at intents than none", "DSDF, tables 2 and 6", "none", "joint", ("INT",)),
    Finding("the joint model is worse at selection than CRM", "DSDF 5.4", "response_matching", "joint", ("RS",)),
    *(
        Finding(
            f"ENP without MLM is worse at {task} than with",
            "DSDF 5.5",
            "entity_number",
            "entity_number-without-mlm",
            (task,),
        )
        for task in ("INT", "DA", "RS")
    ),
    Finding(
        "ENP without MLM is better at DST than with",
        "DSDF, table 7",
        "entity_number-without-mlm",
        "entity_number",
        ("DST",),
    ),
    Finding("NTP helps ranking (here: selection)", "CS-BERT 5.1", "next_turn", "none", ("RS",)),
    Finding(
        "MSP beside NTP ranks better (here: selects)",
        "CS-BERT 5.1.1",
        "next_turn-masked_speaker",
        "next_turn",
        ("RS",),
    ),
    Finding("MSP beside NTP helps some task", "CS-BERT 6", "next_turn-masked_speaker", "next_turn", _ALL),
    Finding("SSR beside NTP helps some task", "CS-BERT, tables 3 and A.9", "next_turn-ssr", "next_turn", _ALL),
)
