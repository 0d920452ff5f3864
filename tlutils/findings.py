"""What was found out about a reader's own data, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from tlutils.domains import Domain
from tlutils.learners import Learner
from tlutils.metrics import share_interval
from tlutils.negative import Guarded
from tlutils.own_model import OwnModel
from tlutils.own_rows import Remark


@dataclass(frozen=True)
class Share:
    """A share of rows, with Wilson's 95 % interval."""

    right: int
    n: int

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

    def accuracy(self, learner: Learner) -> Share:
        """Return the share of held-out rows that a learner names right."""
        return Share(int((learner.predicted == self.domain.y).sum()), len(self.domain))

    def balanced(self, learner: Learner) -> float:
        """Return the mean over the classes of the share of their held-out rows that a learner names right."""
        right = (learner.predicted == self.domain.y).double()
        return sum(right[self.domain.y == k].mean().item() for k in self.domain.y.unique()) / len(
            self.domain.y.unique()
        )

    def mistakes(self, most: int = 12) -> list[tuple[int, str, str, float]]:
        """Return row, label, answer and certainty of the chosen learner's surest mistakes."""
        sure, answer = self.chosen.probabilities.max(1)
        wrong = (answer != self.domain.y).nonzero().squeeze(1)
        rows = wrong[sure[wrong].argsort(descending=True, stable=True)][:most].tolist()
        names = self.domain.classes
        return [(row, names[self.domain.y[row]], names[answer[row]], sure[row].item()) for row in rows]
