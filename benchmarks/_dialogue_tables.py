"""The tables of state tracking and of personal data, beside published figures and what they say of another protocol."""

from pathlib import Path

from _markdown import Cell, Cells, figure_of, mean_of, read, table, with_machines

_CORPORA = {
    "woz2": "WOZ 2.0",
    "sim-r": "Sim-R",
    "sim-m": "Sim-M, unseen values",
    "multiwoz21": "MultiWOZ 2.1, few dialogues",
    "sgd": "SGD, unseen services, part",
    "sgd-whole": "SGD, unseen services",
}
_FORMS = {"published": "published form", "default": "default"}
_REPORTED = {
    "woz2": [("dedicated trackers, as reported", "88 to 91", "")],
    "multiwoz21": [
        ("DSDF, BERT-base, all dialogues", "47.96", "96.86"),
        ("DSDF's best, all dialogues", "51.18", "97.21"),
    ],
}
"""Joint and slot accuracy. DSDF, tables 2, 3 and 7; the two figures of its best are those of two models."""
_STATE = {
    "joint_accuracy": "joint accuracy",
    "slot_accuracy": "slot accuracy",
    "filled_accuracy": "of filled slots",
    "ceiling": "ceiling of a picklist",
}
_PII_CORPORA = {
    "sample": "sample corpus",
    "presidio": "Presidio synthetic",
    "presidio_mixed": "Presidio synthetic, templates in every part",
}
SIDES = {"both": "model and rules", "model": "model alone", "rules": "rules alone"}
_PII = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "word_precision": "word precision",
    "word_recall": "word recall",
    "word_f1": "word F1",
    "covered": "characters covered",
}
_PII_PUBLISHED = (
    ("CS-BERT's data: CS-BERT-MSP", (89.10, 93.11, 91.06, 89.88, 91.82, 90.84)),
    ("CS-BERT's data: BERT", (87.73, 93.02, 90.30, 89.63, 92.06, 90.83)),
    ("a set like Presidio synthetic: Presidio's tuned engine, as it counts", (None, None, 84.5, None, None, None)),
)
"""CS-BERT, table 4; presidio-research's notebooks."""


def state(results: Path) -> str:
    """The published form and the default on each corpus, beside the ceiling and what is reported elsewhere."""
    cells = {name: cell for name, cell in read(results / "state.json").items() if not name.startswith("dev-")}
    rows = []
    for corpus, title in _CORPORA.items():
        measured = []
        for form, words in _FORMS.items():
            found = [cell for name, cell in cells.items() if name.rsplit("-", 2)[:2] == [corpus, form]]
            if found:
                values = (figure_of(found, key) for key in _STATE)
                counts = (f"{found[0][key]:,}" for key in ("unknown_values", "n", "train"))
                measured.append([f"{title}: {words}", *values, *counts])
        rows += measured
        if measured:
            rows += [
                [f"{title.partition(',')[0]}: {who}", joint, slot, "", "", "", "", ""]
                for who, joint, slot in _REPORTED.get(corpus, [])
            ]
    header = ["test, %", *_STATE.values(), "values that no list has", "turns", "training dialogues"]
    return with_machines(table(header, rows), cells)


def pii(results: Path) -> str:
    """The model alone, the rules alone and both, fitted on all training dialogues, beside published figures."""
    cells = read(results / "pii.json")
    rows = []
    for corpus, title in _PII_CORPORA.items():
        found = _share(cells, corpus, 100)
        for side, words in SIDES.items() if found else ():
            parts = [cell[side] for cell in found]
            # the rules learn from the training dialogues alone which label each of their kinds has
            values = (figure_of(parts[:1] if side == "rules" else parts, key) for key in _PII)
            rows.append([f"{title}: {words}", *values, f"{parts[0]['entities']:,}"])
        if found and corpus == "presidio" and "conventions/test" in cells:
            whole = cells["conventions/test"]["whole"]
            values = (figure_of([whole], key) for key in _PII)
            rows.append([f"{title}: the true spans, but each address whole", *values, f"{whole['entities']:,}"])
    if not rows:
        return ""
    rows += [[name, *("" if one is None else f"{one:.2f}" for one in found), "", ""] for name, found in _PII_PUBLISHED]
    return with_machines(table(["test, %", *_PII.values(), "spans"], rows), cells)


def pii_shares(results: Path) -> str:
    """F1 of whole spans by the share of the training dialogues."""
    cells = read(results / "pii.json")
    given = sorted({int(name.split("/")[2].removeprefix("share-")) for name in cells if name.startswith("test/")})
    rows = []
    for corpus, title in _PII_CORPORA.items():
        points = [_share(cells, corpus, share) for share in given]
        for side, words in SIDES.items() if any(points) else ():
            values = (mean_of([100 * cell[side]["f1"] for cell in found]) for found in points)
            rows.append([f"{title}: {words}", *values])
    return table(["F1 of whole spans, %", *(f"{share} % of the labels" for share in given)], rows)


def pii_dev(results: Path) -> str:
    """What was tried on the dev parts: values of the recipe by what the tag of a cell says."""
    cells = {name: cell for name, cell in read(results / "pii.json").items() if name.startswith("dev/")}
    keys = ("f1", "word_f1", "covered")
    rows = []
    for tried in dict.fromkeys(name.rsplit("/", 1)[0] for name in cells):
        corpus, _, tag = tried.split("/")[1].partition("+")
        found = [cell for name, cell in cells.items() if name.rsplit("/", 1)[0] == tried]
        sides = [[cell[side] for cell in found] for side in ("both", "model")]
        values = (figure_of(parts, key) for parts in sides for key in keys)
        rows.append([f"{_PII_CORPORA[corpus]}: {tag.replace('-', ' ') or 'default'}", *values, str(len(found))])
    header = [*(_PII[key] for key in keys), *(f"{_PII[key]}, model alone" for key in keys), "fits"]
    return table(["dev, %", *header], rows)


def _share(cells: Cells, corpus: str, share: int) -> list[Cell]:
    return [cell for name, cell in cells.items() if name.startswith(f"test/{corpus}/share-{share}/")]
