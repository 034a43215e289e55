"""Which dialogue corpora are mined, of what kind they are, and what their licences allow."""

from dataclasses import dataclass
from typing import Literal

KINDS = ("all", "permissive", "task", "open", "permissive-task", "permissive-open")
"""Task: task-oriented and customer service; open: open-domain conversation."""


@dataclass(frozen=True)
class Text:
    """A corpus: its reader, where it lies in the data folder, its kind, and whether its licence lets its use be passed
    on: CC BY, CC BY-SA, MIT, Apache, CDLA or BSD, as the data folder's README states it."""

    reader: str
    place: str
    kind: Literal["task", "open"]
    permissive: bool


CORPORA = (
    Text("sgd", "sgd", "task", True),
    Text("multiwoz_single", "multiwoz_single_domain_dstc8", "task", True),
    Text("multiwoz21", "multiwoz21", "task", True),
    Text("star", "star", "task", True),
    Text("woz2", "woz2", "task", True),
    Text("taskmaster4", "taskmaster4", "task", True),
    Text("gsim", "gsim/sim-M", "task", False),
    Text("gsim", "gsim/sim-R", "task", False),
    Text("camrest676", "camrest676", "task", False),
    Text("dstc2_text", "dstc2_text", "task", False),
    Text("frames", "frames", "task", False),
    Text("msre2e", "msre2e", "task", False),
    Text("smd", "smd", "task", False),
    Text("metalwoz", "metalwoz_heldout", "task", False),
    *(
        Text("multidogo", f"multidogo/paper_splits/splits_annotated_at_sentence_level/{domain}", "task", True)
        for domain in ("airline", "fastfood", "finance", "media")
    ),
    Text("cucom", "cucom_ecommerce", "task", True),
    Text("stc3", "stc3_helpdesk", "task", False),
    Text("esconv", "esconv_partial", "task", False),
    Text("self_dialogue", "self_dialogue", "open", True),
    Text("topical_chat", "topical_chat", "open", True),
    Text("switchboard", "switchboard", "open", False),
    Text("dailydialog", "dailydialog", "open", False),
)


def corpora_of(kind: str) -> set[str]:
    """The readers of the corpora of one of ``KINDS``."""
    return {
        corpus.reader
        for corpus in CORPORA
        if ("permissive" not in kind or corpus.permissive)
        and all(word not in kind or corpus.kind == word for word in ("task", "open"))
    }
