"""Choosing without target labels: which λ, which method, when to stop (`information` holds a second criterion)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from numbers import Real
from typing import Any, TypeVar

from torch import Tensor, nn

from tlutils.domains import Domain
from tlutils.inputs import checked
from tlutils.parallel import from_first
from tlutils.train import accuracy, predict

Choice = TypeVar("Choice")


@checked
def reverse_validation(
    train: Callable[[Domain, Domain], nn.Module], source: Domain, target: Domain, *, seed: int = 0
) -> float:
    """Return the accuracy on held-out source rows after a journey to the target and back.

    `train(source, target)` returns a model adapted to the target, which it is given without labels.
    It is called twice: with nine tenths of the source; then the other way round, from the target
    under the first model's predictions to the source without labels. What comes back is scored on
    the last tenth of the source. Labels of the target are not read.

    Raises ValueError when the source has no labels. Source: Zhong et al. (2010),
    doi:10.1007/978-3-642-15939-8_35; Ganin et al. (2016), section 5.1.2. Taught in notebook 08.
    """
    known, held_out = source.labelled_part().split(0.9, seed)
    target = target.unlabelled()
    forward = train(known, target)
    pseudo = replace(target, y=predict(forward, target.x), classes=source.classes)
    backward = train(pseudo, known.unlabelled())
    return accuracy(backward, held_out)


@checked
def choose(scores: Mapping[Choice, float]) -> Choice:
    """Return the setting with the highest score; of equals, the first.

    Raises ValueError when there is none, or a score is not finite. Taught in notebook 08.
    """
    if not scores:
        raise ValueError("nothing to choose from: scores are empty")
    for setting, score in scores.items():
        if not isinstance(score, (Real, Tensor)) or not math.isfinite(score):
            raise ValueError(f"the score of {setting!r} is {score!r}: leave out runs that failed")
    return max(scores, key=scores.__getitem__)


class KeepBest:
    """A stopping point chosen by a score: for `fit(..., after_epoch=KeepBest(score))`.

    `score(model)` is computed after every epoch and kept in `scores`; the weights of the best epoch
    are kept too and come back with `restore(model)`, which returns that epoch's number.

    Raises ValueError when nothing was kept yet. Source: Prechelt (1998),
    doi:10.1007/3-540-49430-8_3. Taught in notebook 08.
    """

    @checked
    def __init__(self, score: Callable[[nn.Module], float]) -> None:
        self.score = score
        self.scores: list[float] = []
        self._state: dict[str, Tensor] = {}

    @checked
    def __call__(self, model: nn.Module) -> None:
        self.scores.append(float(self.score(model)))
        if self.scores[-1] >= max(self.scores):  # of equals, the one that was trained longer
            self._state = {name: value.clone() for name, value in model.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint must keep."""
        return {"scores": self.scores, "state": self._state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another one was."""
        self.scores, self._state = state["scores"], state["state"]

    @checked
    def restore(self, model: nn.Module) -> int:
        self.scores, self._state = from_first((self.scores, self._state))  # only the first process scores
        if not self.scores:
            raise ValueError("no epoch was scored yet: pass this object to fit as after_epoch first")
        model.load_state_dict(self._state)
        return max(range(len(self.scores)), key=lambda epoch: (self.scores[epoch], epoch))
