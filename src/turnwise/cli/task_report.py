"""The HTML report that ``turnwise evaluate`` writes of every task beside intents."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnwise.cli.progress import counting

if TYPE_CHECKING:
    from turnwise.dialogue import Dialogue
    from turnwise.tasks.fitted import Fitted


def write_report(
    path: Path, model: "Fitted", dialogues: "Sequence[Dialogue]", found: Mapping[str, Any], *, title: str, corpus: str
) -> None:
    """Draw what ``evaluate`` found; of spans the dialogues are answered again, to show what was missed."""
    from turnwise.analysis.desk_report import write_desk_report
    from turnwise.analysis.pii_parts import misses
    from turnwise.analysis.task_report import write_task_report
    from turnwise.tasks.pii.task import Pii
    from turnwise.tasks.slots.sentences import LAYER

    facts = _facts(model, corpus)
    if "members" in found:
        write_desk_report(path, title=title, evaluation=found, model_facts=facts)
        return
    more, warning = [], ""
    if model.task.name in (Pii.name, LAYER):
        with counting("dialogues, for the report", len(dialogues)) as advance:
            answered = list(model.annotate(dialogues, progress=advance))
        more = [misses(dialogues, answered, model.task.name)]
        warning = "This page holds personal data of the corpus; keep it as you keep the corpus."
    write_task_report(path, title=title, evaluation=found, model_facts=facts, more=more, warning=warning)


def _facts(model: "Fitted", corpus: str) -> dict[str, str]:
    """What a report says of a model, by name."""
    facts = model.facts
    labels = f"{facts['examples']} labels of " if "examples" in facts else ""
    left = "; ".join(f"{name}: {why}" for name, why in facts.get("left_out", {}).items())
    found = {
        "model": model.version,
        "task": model.task.name,
        "encoder": str(facts.get("encoder", "")),
        "learned from": f"{labels}{facts['dialogues']} dialogues" if "dialogues" in facts else "",
        "best epoch chosen by": str(facts.get("chosen_by", "")),
        "left out": left,
        "corpus": corpus,
        "turnwise": str(facts.get("turnwise", "")),
    }
    return {name: value for name, value in found.items() if value}
