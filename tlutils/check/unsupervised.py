"""Checks of notebook 05: groups paired with classes, the floor of a contrastive loss, and a choice by stability."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, permutations
from operator import truediv
from statistics import fmean

import torch
from torch import Tensor

from tlutils.check.verdict import Mistake, function, number, right

Groupings = Mapping[str, Sequence[Tensor]]


def accuracy_of_groups(answer: Callable[[Tensor, Tensor], float]) -> None:
    """Check the accuracy of groups under the best one-to-one pairing with classes. Exercise 1 of notebook 05.

    `answer(groups, labels)` takes group numbers and class numbers (n,). Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(5)

    def random(groups: int, classes: int) -> tuple[Tensor, Tensor]:
        labels = torch.randint(classes, (80,), generator=draw)
        other = torch.randint(groups, (80,), generator=draw)
        return torch.where(torch.rand(80, generator=draw) < 0.6, (labels + 1) % groups, other), labels

    cases = {
        "four groups, four classes": random(4, 4),
        "two groups that both hold mostly one class": _rows([[5, 4], [4, 0]]),
        "six groups, three classes": random(6, 3),
        "two groups, five classes": random(2, 5),
        "numbers with gaps, groups 7 and 100, classes 3 and 50": tuple(
            torch.tensor(numbers)[part] for numbers, part in zip(([7, 100], [3, 50]), random(2, 2), strict=True)
        ),
        "one group for all": (torch.zeros(9).long(), torch.arange(9) % 3),
        "a group for each row": (torch.arange(6), torch.tensor([0, 0, 0, 1, 1, 2])),
    }
    function(
        answer,
        _best_of_all_pairings,
        cases,
        mistakes=[
            Mistake(
                lambda groups, labels: _counts(groups, labels).max(1).values.sum() / len(labels),
                "each group takes its most frequent class, so two groups may take the same one. With a group for each "
                "row, that would be perfect. What does 'one to one' forbid?",
            ),
            Mistake(
                lambda groups, labels: _counts(groups, labels).max(0).values.sum() / len(labels),
                "each class takes its most frequent group, so one group for all rows would be perfect.",
            ),
            Mistake(
                _greedy,
                "the largest cell of the table comes first, and what it blocks may cost more than it brings. Look at "
                "the table [[5, 4], [4, 0]]: what do its two pairings score?",
            ),
            Mistake(
                lambda groups, labels: (groups == labels).double().mean(),
                "group 3 need not be class 3. Which numbers the groups carry is chance.",
            ),
            Mistake(
                lambda groups, labels: truediv(*_assigned(groups, labels, maximize=True)),
                "rows of a group that is left over are missing from the total. Are they right or wrong?",
            ),
            Mistake(
                lambda groups, labels: _assigned(groups, labels, maximize=False)[0] / len(labels),
                "that is the pairing in which the fewest rows agree. Is a count a cost?",
            ),
        ],
        look="the table of how many rows of each group belong to each class; it need not be square.",
    )
    right("it agrees with trying every pairing, also where groups or classes are left over.")


def loss_of_agreeing_views(answer: float) -> None:
    """Check the contrastive loss of four pictures whose views agree, at temperature 0.5. Exercise 2 of notebook 05.

    Features of different pictures are orthogonal. Raises NotAttempted or NotYet.
    """
    pictures, temperature = 4, 0.5
    rivals, rival = 2 * pictures - 2, math.exp(-1 / temperature)  # beside a partner's score of 1 / temperature
    loss = math.log(1 + rivals * rival)
    number(
        answer,
        loss,
        within=6e-3,
        mistakes=[
            (0, "agreement alone does not bring it to 0. A partner scores 1 at most, and what do the rivals score?"),
            (math.log(1 + rivals), "that is the blind guess, where all views are alike. Here only partners are."),
            (math.log(2 + rivals * rival), "a view is compared with itself, too. Which k does the sum leave out?"),
            (
                math.log(1 + (pictures - 1) * rival),
                "each view has to find its partner among all the other views, both those of its own kind and not.",
            ),
            (math.log(1 + rivals / math.e), "that is for a temperature of 1."),
            (math.log(1 + rivals * math.exp(-temperature)), "the cosine is divided by the temperature."),
            (2 * pictures * loss, "that is the sum over all views, and the loss is their mean."),
            (loss / math.log(2), "that is in bits; the lesson takes the natural logarithm."),
        ],
        look="write the fraction for one view: its partner's cosine is 1, and how many others have a cosine of 0?",
    )
    right("views that are as good as they can be do not bring the loss to 0; its floor falls with the temperature.")


def stable_choice(answer: Callable[[Groupings], str]) -> None:
    """Check a choice by stability that does not fall for collapsed groups. Exercise 3 of notebook 05.

    `answer(groupings)` takes, for each setting, the groups (n,) of several runs. Raises NotAttempted or NotYet.
    """
    function(
        answer,
        lambda groupings: _chosen(groupings, lambda runs: max(map(_largest, runs)) <= 0.5),
        {case: (groupings,) for case, groupings in _settings().items()},
        mistakes=[
            Mistake(
                lambda groupings: _chosen(groupings, lambda runs: True),
                "a setting that puts all rows into one group is taken. Runs that say nothing agree perfectly: what "
                "must hold besides?",
            ),
            Mistake(
                lambda groupings: _chosen(groupings, lambda runs: min(len(run.unique()) for run in runs) > 1),
                "a few strays with a group of their own are enough to pass your test of a collapse. How large may "
                "the largest group be?",
            ),
            Mistake(
                lambda groupings: _chosen(groupings, lambda runs: _largest(runs[0]) <= 0.5),
                "a setting is taken that collapsed in one of its runs. Which runs do you look at?",
            ),
            Mistake(
                lambda groupings: _chosen(groupings, lambda runs: fmean(map(_largest, runs)) <= 0.5),
                "a setting is taken that collapsed in one of its runs, since the other runs make up for it.",
            ),
            Mistake(
                lambda groupings: _chosen(groupings, lambda runs: max(map(_largest, runs)) < 0.5),
                "a group may hold as much as half of the rows.",
            ),
            Mistake(
                lambda groupings: _chosen(
                    groupings,
                    lambda runs: max(map(_largest, runs)) <= 0.5,
                    lambda a, b: (a == b).double().mean().item(),
                ),
                "you compare the numbers of groups. Another run may find the same groups and number them otherwise.",
            ),
            Mistake(
                lambda groupings: _chosen(
                    {name: runs[:2] for name, runs in groupings.items()},
                    lambda runs: max(map(_largest, groupings[_name(groupings, runs)])) <= 0.5,
                ),
                "two runs agree and the others do not, and such a setting is taken. Which pairs of runs count?",
            ),
        ],
        look="`tl.stability` for how well runs agree, and `bincount` for the largest group of each single run.",
    )
    right("collapsed settings are left out before the runs are compared. Stable groups may still be stably wrong.")


def _rows(table: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Return groups and labels with so many rows in each cell of a table of groups (down) and classes."""
    cells = [(g, c) for g, line in enumerate(table) for c, count in enumerate(line) for _ in range(count)]
    groups, labels = torch.tensor(cells).T
    return groups, labels


def _counts(groups: Tensor, labels: Tensor) -> Tensor:
    return torch.stack(
        [torch.stack([((groups == g) & (labels == c)).sum() for c in labels.unique()]) for g in groups.unique()]
    )


def _best_of_all_pairings(groups: Tensor, labels: Tensor) -> float:
    table = _counts(groups, labels).tolist()
    if len(table) > len(table[0]):
        table = [list(column) for column in zip(*table, strict=True)]
    taken = permutations(range(len(table[0])), len(table))
    return max(sum(line[c] for line, c in zip(table, columns, strict=True)) for columns in taken) / len(labels)


def _assigned(groups: Tensor, labels: Tensor, *, maximize: bool) -> tuple[int, int]:
    """Return how many rows agree, and how many are in a group that has a partner."""
    from scipy.optimize import linear_sum_assignment

    table = _counts(groups, labels).numpy()
    lines, columns = linear_sum_assignment(table, maximize=maximize)
    return table[lines, columns].sum(), table[lines].sum()


def _greedy(groups: Tensor, labels: Tensor) -> float:
    table, total = _counts(groups, labels), 0
    for _ in range(min(table.shape)):
        row, column = divmod(int(table.argmax()), table.shape[1])
        total += int(table[row, column])
        table[row], table[:, column] = -1, -1
    return total / len(labels)


def _settings() -> dict[str, Groupings]:
    """Return planted groupings of 60 rows, three runs of each setting."""
    draw = torch.Generator().manual_seed(5)
    true, nothing = torch.arange(60) % 4, torch.zeros(60).long()
    strays = nothing.clone().index_fill(0, torch.arange(3), 1)

    def noisy(share: float, rename: bool = True) -> list[Tensor]:
        runs = []
        for _ in range(3):
            moved = torch.rand(60, generator=draw) < share
            run = torch.where(moved, torch.randint(4, (60,), generator=draw), true)
            runs.append(torch.randperm(4, generator=draw)[run] if rename else run)
        return runs

    return {
        "a setting that collapsed": {"blank": [*nothing.repeat(3, 1)], "fair": noisy(0.15), "poor": noisy(0.6)},
        "a setting of one large group and three strays": {"fair": noisy(0.15), "strays": [*strays.repeat(3, 1)]},
        "a setting that collapsed in one run of three": {"broken": [true, true.clone(), nothing], "poor": noisy(0.7)},
        "groups that carry other numbers in every run": {
            "numbered": noisy(0.3, rename=False),
            "renamed": [true, 3 - true, (true + 1) % 4],
        },
        "two runs agree, one does not": {"two of three": [true, true.clone(), noisy(0.9)[0]], "fair": noisy(0.2)},
        "a setting whose groups hold half the rows each": {"halves": [*(true % 2).repeat(3, 1)], "fair": noisy(0.15)},
    }


def _largest(run: Tensor) -> float:
    return run.bincount().max().item() / len(run)


def _rand(a: Tensor, b: Tensor) -> float:
    """Return the adjusted Rand index, counted over all pairs of rows."""
    pairs = torch.combinations(torch.arange(len(a)))
    same_a, same_b = (run[pairs[:, 0]] == run[pairs[:, 1]] for run in (a, b))
    both, in_a, in_b = ((part).sum().item() for part in (same_a & same_b, same_a, same_b))
    chance, most = in_a * in_b / len(pairs), (in_a + in_b) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)


def _chosen(groupings: Groupings, sound: Callable, agreement: Callable = _rand) -> str:
    """Return the sound setting whose runs agree best, over all pairs of runs."""
    return max(
        (name for name, runs in groupings.items() if sound(runs)),
        key=lambda name: fmean(agreement(a, b) for a, b in combinations(groupings[name], 2)),
    )


def _name(groupings: Groupings, runs: Sequence[Tensor]) -> str:
    return next(name for name, known in groupings.items() if known[0] is runs[0])
