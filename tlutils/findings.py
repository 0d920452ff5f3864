"""What was found out about a reader's own data, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from tlutils.domains import Domain
from tlutils.inputs import checked
from tlutils.learners import Learner
from tlutils.metrics import share_interval
from tlutils.negative import Guarded
from tlutils.own_model import OwnModel
from tlutils.own_rows import Remark
from tlutils.tensors import check_count


@dataclass(frozen=True)
class Share:
    """A share of rows, with Wilson's 95 % interval. Raises ValueError for no rows or more right ones than rows."""

    right: int
    n: int

    def __post_init__(self) -> None:
        if not isinstance(self.right, int) or not isinstance(self.n, int):
            raise TypeError(f"a share is so many of so many rows, got {self.right!r} of {self.n!r}")
        if not 0 <= self.right <= self.n or self.n == 0:
            raise ValueError(f"a share needs 0 to n right of n rows, n at least 1; got {self.right} of {self.n}")

    @property
    def value(self) -> float:
        """The share itself."""
        return self.right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends of the interval."""
        return share_interval(self.right, self.n)


@dataclass(frozen=True, eq=False, repr=False)
class Findings:
    """All that was found."""

    domain: Domain  # the labelled rows learnt from
    places: tuple[str, ...]
    remarks: tuple[Remark, ...]
    unlabelled: int
    gaps: dict[str, float | None]  # of each encoder, see `gap`
    evidence: dict[str, float]  # LogME of each encoder
    learners: tuple[Learner, ...]  # the fallback first
    skipped: dict[str, str]  # what was not tried, and why
    guard: Guarded
    curve: dict[int, Share]  # labels learnt from: accuracy of the chosen encoder's probe
    model: OwnModel
    tested: dict[str, Share] = field(default_factory=dict)  # the model and the fallback, on the test part
    ask: tuple[str, ...] = ()  # rows without label of which the model is least sure
    seconds: float = 0.0

    @property
    def chosen(self) -> Learner:
        """The learner that the guard let through."""
        return next(learner for learner in self.learners if learner.name == self.guard.choice)

    @checked
    def accuracy(self, learner: Learner) -> Share:
        """Return the share of held-out rows that a learner names right. Raises ValueError for one of other rows."""
        return Share(int(self._right(learner).sum()), len(self.domain))

    @checked
    def balanced(self, learner: Learner) -> float:
        """Return the mean over the classes of the share of their held-out rows that a learner names right.

        Raises ValueError for one of other rows.
        """
        right = self._right(learner).double()
        return sum(right[self.domain.y == k].mean().item() for k in self.domain.y.unique()) / len(
            self.domain.y.unique()
        )

    def _right(self, learner: Learner) -> Tensor:
        if learner.predicted.shape != self.domain.y.shape:
            raise ValueError(f"{learner.name} predicts {len(learner.predicted)} rows, wanted are {len(self.domain)}")
        return learner.predicted == self.domain.y

    @checked
    def mistakes(self, most: int = 12) -> list[tuple[int, str, str, float]]:
        """Return row, label, answer and certainty of the chosen learner's surest mistakes.

        Raises ValueError for fewer than 0.
        """
        check_count("most", most, least=0)
        sure, answer = self.chosen.probabilities.max(1)
        wrong = (answer != self.domain.y).nonzero().squeeze(1)
        rows = wrong[sure[wrong].argsort(descending=True, stable=True)][:most].tolist()
        names = self.domain.classes
        return [(row, names[self.domain.y[row]], names[answer[row]], sure[row].item()) for row in rows]
