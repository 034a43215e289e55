"""A fitted intent detector: an encoder, a bank of examples, and calibrated answers with their neighbours."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnwise.codec import Tokens
from turnwise.dialogue import Dialogue, Evidence, Neighbour, Turn
from turnwise.encoder import Encoder
from turnwise.errors import InputError, ModelError
from turnwise.files import atomic_folder
from turnwise.heads import Projection
from turnwise.messages import nearest
from turnwise.metrics import Outcome, intent_metrics
from turnwise.tasks.folder import MARKS, read_arrays, read_task, write_arrays, write_task
from turnwise.tasks.intent.bank import Array, Bank, Inference, nearest_rows
from turnwise.tasks.intent.calibration import (
    Calibration,
    HeldOut,
    Target,
    centred,
    choose_threshold,
    operating_point,
    operating_points,
)
from turnwise.tasks.intent.card import model_card
from turnwise.tasks.intent.examples import Utterance, asked, utterances
from turnwise.tasks.intent.projection import project, projection_of
from turnwise.tasks.intent.softmax import Classes
from turnwise.vectors import unit

TASK = "intent"
SHOWN_NEIGHBOURS = 3
SHOWN_ALTERNATIVES = 5
_BATCH = 512

Vectors = Callable[[Sequence[str]], Array]


@dataclass(frozen=True)
class Decision:
    """How scores become labels.

    With ``several``, each intent whose own probability reaches ``label_threshold``. Else the best intent, and with
    ``further`` any other whose share of the distribution reaches it.
    """

    several: bool = False
    label_threshold: float = 0.3
    further: float | None = None


class IntentModel:
    """What ``fit_intent`` returns and ``save``/``load`` keep.

    ``labels`` are the intents. Scores come from similarity to the bank, or from ``classes``, a softmax classifier;
    neighbours come from the bank in either case. ``predict`` gives one Turn per text: ``labels["intent"]`` (() is out
    of scope) and ``evidence["intent"]`` with a calibrated score, alternatives and the nearest training utterances.
    """

    def __init__(
        self,
        encoder: Encoder,
        bank: Bank,
        *,
        inference: Inference,
        projection: Projection | None = None,
        directions: Mapping[str, Array] | None = None,
        classes: Classes | None = None,
        decision: Decision | None = None,
        calibration: Calibration | None = None,
        held_out: HeldOut | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.encoder = encoder
        self.bank = bank
        self.inference = inference
        self.projection = projection
        self.directions = dict(directions or {})
        self.classes = classes
        self.decision = decision or Decision()
        self.calibration = calibration or Calibration()
        self.held_out = held_out
        self.facts = dict(facts or {})
        self.version = "unsaved"
        self.engine: Vectors | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The intents it tells apart, sorted."""
        return self.bank.names

    def vectors(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Array:
        """Unit vectors (texts, dim) in the space where similarity is measured."""
        return self._vectors(texts, self.encoder.codec.tokenise(texts), progress)

    def _vectors(self, texts: Sequence[str], tokens: Sequence[Tokens], progress: Callable[[int], None] | None) -> Array:
        if self.engine is not None:
            return unit(self.engine(texts))
        return project(self.encoder.encode(tokens, progress=progress), self.projection)

    def scores(self, vectors: Array) -> Array:
        """Scores (texts, intents): distributions, or each intent's own probability where there may be several.

        A distribution has one more column, out of scope, when the bank has such rows.
        """
        if self.classes is not None:
            return self.classes.scores(vectors, self.bank)
        if self.decision.several:
            return self.bank.several(vectors, self.inference.direction_scale, self._trained_directions())
        return self.bank.scores(vectors, self.inference, self._trained_directions())

    def scope(self, vectors: Array) -> Array:
        """In-scope scores (texts,): low far from every intent; see ``Bank.scope`` and ``Classes.scope``."""
        if self.classes is not None:
            return self.classes.scope(vectors, self.bank)
        return self.bank.scope(vectors, self.inference.direction_scale, self._trained_directions())

    def _trained_directions(self) -> Array | None:
        if not self.directions:
            return None
        found = np.zeros((self.bank.width, self.bank.vectors.shape[1]), dtype=np.float32)
        for column, name in enumerate(self.bank.names):
            if name in self.directions:
                found[column] = self.directions[name]
        return found

    def predict(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> list[Turn]:
        """Answer every text. A blank text has no intent.

        Raises InputError when ``texts`` is one string.
        """
        return self._predict(texts, progress)[0]

    def _predict(
        self, texts: Sequence[str], progress: Callable[[int], None] | None
    ) -> tuple[list[Turn], NDArray[np.float64]]:
        """The answers and the in-scope scores."""
        if isinstance(texts, str):
            raise InputError("predict takes a list of texts, not one string; write predict([text])")
        answered: list[Turn] = []
        scope = np.zeros(len(texts))
        for start in range(0, len(texts), _BATCH):
            part = texts[start : start + _BATCH]
            turns, scope[start : start + len(part)] = self._answer(part, progress)
            answered += turns
        return answered, scope

    def _answer(self, texts: Sequence[str], progress: Callable[[int], None] | None) -> tuple[list[Turn], Array]:
        tokens = self.encoder.codec.tokenise(texts)
        truncated = [token.truncated for token in tokens]
        vectors = self._vectors(texts, tokens, progress)
        scores = self.scores(vectors)
        scope = self.scope(vectors)
        answers = self._answers(scores, scope)
        cosines = vectors @ self.bank.vectors.T
        near = nearest_rows(cosines, SHOWN_NEIGHBOURS)
        turns = [
            self._turn(text, cut, scores[row], answers[row], cosines[row], near[row])
            for row, (text, cut) in enumerate(zip(texts, truncated, strict=True))
        ]
        return turns, scope

    def _turn(
        self,
        text: str,
        truncated: bool,
        scores: Array,
        answer: tuple[tuple[str, ...], float],
        cosines: Array,
        near: NDArray[np.intp],
    ) -> Turn:
        if not text.strip():
            return Turn("customer", text, labels={TASK: ()}, evidence={TASK: Evidence(score=1.0)})
        names = self.bank.names
        order = np.argsort(-scores[: len(names)], kind="stable")[:SHOWN_ALTERNATIVES]
        neighbours = tuple(
            Neighbour(self.bank.texts[row], self.bank.labels[row], float(min(1.0, cosines[row]))) for row in near
        )
        evidence = Evidence(
            score=answer[1],
            alternatives=tuple((names[column], float(scores[column])) for column in order),
            neighbours=neighbours,
            truncated=truncated,
        )
        return Turn("customer", text, labels={TASK: answer[0]}, evidence={TASK: evidence})

    def _answers(self, scores: Array, scope: Array) -> list[tuple[tuple[str, ...], float]]:
        """Labels and the probability that they are right, for each row of scores."""
        names = self.bank.names
        inside = scores[:, : len(names)]
        best, top = inside.argmax(1), inside.max(1)
        confidence = self.calibration.confidence(top.astype(np.float64))
        rejected = self.rejected(scores, scope)
        answers: list[tuple[tuple[str, ...], float]] = []
        for row in range(len(scores)):
            if self.decision.several:
                chosen = inside[row] >= self.decision.label_threshold
                sure = float(np.where(chosen, inside[row], 1 - inside[row]).prod())
                labels = () if rejected[row] else tuple(names[column] for column in np.flatnonzero(chosen))
                answers.append((labels, sure))
            elif rejected[row]:
                answers.append(((), float(1 - confidence[row])))
            else:
                labels = (names[best[row]],)
                if self.decision.further is not None:
                    chosen = inside[row] >= self.decision.further
                    chosen[best[row]] = True
                    labels = tuple(names[column] for column in np.flatnonzero(chosen))
                answers.append((labels, float(confidence[row])))
        return answers

    def rejected(self, scores: Array, scope: Array) -> NDArray[np.bool_]:
        """Which rows are out of scope: below the threshold, or without one nearest to out-of-scope examples."""
        if self.calibration.threshold is not None:
            return np.asarray(scope.astype(np.float64) < self.calibration.threshold)
        if self.bank.has_out_of_scope and not self.decision.several:
            return np.asarray(scores.argmax(1) == len(self.bank.names))
        return np.zeros(len(scores), dtype=np.bool_)

    def annotate(self, dialogues: Iterable[Dialogue], *, last: bool = False) -> Iterator[Dialogue]:
        """The dialogues with the intents of each turn that is not the agent's, with ``last`` of the last turn alone."""
        for dialogue in dialogues:
            rows = asked(dialogue, last=last)
            answers = dict(zip(rows, self.predict([dialogue.turns[row].text for row in rows]), strict=True))
            turns = [
                replace(
                    turn,
                    labels={**turn.labels, TASK: answers[row].labels[TASK]},
                    evidence={**turn.evidence, TASK: answers[row].evidence[TASK]},
                )
                if row in answers
                else turn
                for row, turn in enumerate(dialogue.turns)
            ]
            yield replace(dialogue, turns=tuple(turns))

    def outcomes(
        self, found: Sequence[Utterance], progress: Callable[[int], None] | None = None
    ) -> tuple[list[Outcome], list[Turn]]:
        """What the model answers on labelled utterances, beside the gold labels."""
        turns, scope = self._predict([utterance.text for utterance in found], progress)
        outcomes = []
        for row, (utterance, turn) in enumerate(zip(found, turns, strict=True)):
            predicted = turn.labels[TASK]
            assert isinstance(predicted, tuple)
            alternatives = turn.evidence[TASK].alternatives
            outcomes.append(
                Outcome(
                    utterance.source.rpartition("/")[0] or utterance.source,
                    utterance.text,
                    utterance.labels,
                    predicted,
                    float(turn.evidence[TASK].score or 0.0),
                    float(scope[row]),
                    (alternatives[0][0],) if alternatives else (),
                )
            )
        return outcomes, turns

    def evaluate(self, dialogues: Iterable[Dialogue], *, draws: int = 1000, seed: int = 0) -> dict[str, Any]:
        """The evaluation JSON over every turn with an intent layer; see ``turnwise.metrics.intent_metrics``."""
        return intent_metrics(self.outcomes(utterances(dialogues))[0], draws=draws, seed=seed)

    def add(self, examples: Sequence[Utterance]) -> None:
        """Add utterances, of known or new intents, to the bank: no training.

        Raises InputError for a blank text, and for a class that a softmax classifier was not trained on.
        """
        blank = [row for row, example in enumerate(examples) if not example.text.strip()]
        if blank:
            raise InputError(f"example {blank[0]} has no text; nothing was added")
        if self.classes is not None:
            self.classes.check(examples)
        known = set(zip(self.bank.texts, self.bank.labels, strict=True))
        given = dict.fromkeys((example.text, example.labels) for example in examples)
        if fresh := [example for example in given if example not in known]:
            texts, labels = zip(*fresh, strict=True)
            self.bank = self.bank.with_rows(texts, labels, self.vectors(texts))

    def remove(self, *, intent: str | None = None, text: str | None = None) -> int:
        """Take an intent, a text, or a text of one intent out of the bank; returns how many rows went.

        Raises InputError when nothing matches or fewer than two intents would remain.
        """
        if intent is None and text is None:
            raise InputError("name an intent, a text, or both")
        if intent is not None and intent not in self.bank.names:
            raise InputError(f"there is no intent {intent!r}; {nearest(intent, self.bank.names)}")
        kept = [
            not ((intent is None or intent in labels) and (text is None or text == row))
            for row, labels in zip(self.bank.texts, self.bank.labels, strict=True)
        ]
        if all(kept):
            raise InputError(f"no example has the text {text!r}" + (f" and the intent {intent!r}" if intent else ""))
        rest = self.bank.without(kept)
        if len(rest.names) < 2:
            raise InputError(f"{len(rest.names)} intent(s) would remain; a detector needs at least 2")
        self.bank = rest
        self.directions = {name: value for name, value in self.directions.items() if name in rest.names}
        return kept.count(False)

    def reject(self, target: Target | None, value: float | None = None) -> float | None:
        """Choose when to answer "out of scope": by a target on the held-out scores, or never (None).

        Returns the threshold. Raises InputError when the target cannot be met or no scores were held out.
        """
        threshold = None
        if target is not None:
            if self.held_out is None:
                raise InputError("the model has no held-out scores: fit it with --dev or --calibrate")
            if value is None:
                raise InputError(f"the target {target} needs a value between 0 and 1")
            threshold = centred(self.held_out, choose_threshold(self.held_out, target, value))
        self.calibration = replace(self.calibration, threshold=threshold)
        return threshold

    def operating_points(self) -> list[dict[str, float]]:
        """Trade-offs on the held-out scores, and the one in force first."""
        if self.held_out is None:
            return []
        points = operating_points(self.held_out)
        if self.calibration.threshold is not None:
            points.insert(0, operating_point(self.held_out, self.calibration.threshold))
        return points

    def save(self, folder: Path, *, encoder: bool = True) -> None:
        """Write the model folder, atomically: task.json, encoder/ unless it is shared, bank, heads, README.md.

        Raises StorageError when the disk refuses; an older folder is then untouched.
        """
        with atomic_folder(Path(folder), marks=MARKS) as temporary:
            if encoder:
                (temporary / "encoder").mkdir()
                self.encoder.write(temporary / "encoder")
            arrays: dict[str, NDArray[Any]] = {"bank": self.bank.vectors}
            if self.directions:
                arrays["directions"] = np.stack([self.directions[name] for name in sorted(self.directions)])
            if self.classes is not None:
                arrays["classes"] = np.stack(list(self.classes.rows.values()))
            if self.projection is not None:
                arrays |= {f"projection.{k}": v.numpy() for k, v in self.projection.state_dict().items()}
            if self.held_out is not None:
                arrays |= {f"held_out.{k}": np.asarray(v) for k, v in vars(self.held_out).items()}
            write_arrays(temporary / "intent.safetensors", arrays)
            rows = [{"text": t, "labels": y} for t, y in zip(self.bank.texts, self.bank.labels, strict=True)]
            (temporary / "bank.json").write_text(json.dumps(rows, ensure_ascii=False, indent=0), encoding="utf-8")
            content = {
                "encoder": self.facts.get("encoder", self.encoder.name),
                "inference": asdict(self.inference),
                "decision": asdict(self.decision),
                "calibration": asdict(self.calibration),
                "directions": sorted(self.directions),
                "classes": list(self.classes.rows) if self.classes is not None else [],
                "facts": self.facts,
            }
            self.version = write_task(temporary, TASK, content)
            (temporary / "README.md").write_text(model_card(self.labels, self.version, content), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, encoder: Encoder | None = None) -> "IntentModel":
        """Read a model folder; ``encoder`` is one that it shares with others.

        Raises ModelError when it is not whole, damaged or not there, TaskMismatchError when of another task.
        """
        folder = Path(folder)
        document = read_task(folder, TASK)
        arrays = read_arrays(folder / "intent.safetensors")
        try:
            rows = json.loads((folder / "bank.json").read_text(encoding="utf-8"))
            bank = Bank([r["text"] for r in rows], [tuple(r["labels"]) for r in rows], arrays["bank"])
            held = {k.removeprefix("held_out."): v for k, v in arrays.items() if k.startswith("held_out.")}
            weights = {k.removeprefix("projection."): v for k, v in arrays.items() if k.startswith("projection.")}
            model = cls(
                Encoder.load(folder / "encoder") if encoder is None else encoder,
                bank,
                inference=Inference(**document["inference"]),
                projection=projection_of(weights),
                directions=dict(zip(document["directions"], arrays.get("directions", []), strict=True)),
                classes=_classes(document.get("classes", []), arrays),
                decision=Decision(**document["decision"]),
                calibration=Calibration(**document["calibration"]),
                held_out=HeldOut(**held) if held else None,
                facts=document["facts"],
            )
            model.version = document["version"]
        except (KeyError, TypeError, ValueError, InputError) as error:
            raise ModelError(f"{folder} cannot be read as an intent model: {error}; fit it again") from None
        return model


def _classes(names: Sequence[str | None], arrays: Mapping[str, NDArray[Any]]) -> Classes | None:
    return Classes(dict(zip(names, arrays["classes"], strict=True))) if names else None
