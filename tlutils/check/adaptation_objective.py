"""Checks of notebook 08: the distance D, and a λ that is chosen without target labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from tlutils.check.reading import one_number, shown
from tlutils.check.verdict import Mistake, NotYet, call, function, number, right
from tlutils.domains import Domain


def unbiased_mmd(answer: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Check the unbiased estimate of MMD² with one Gaussian kernel. Exercise 1 of notebook 08.

    `answer(a, b, bandwidth)` takes features (n, d) and (m, d). Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(8)

    def sample(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw, dtype=torch.float64)

    cases = {
        "seven rows against five": (sample(7, 3), sample(5, 3) + 1, 2.0),
        "two samples of one distribution": (sample(6, 2), sample(6, 2), 1.0),
        "two rows on each side, the fewest there can be": (sample(2, 4), sample(2, 4), 3.0),
        "rows that are all alike": (torch.ones(4, 2).double(), torch.ones(3, 2).double(), 1.0),
    }
    plain = _kernels(lambda a, b, width: (-((a - b) ** 2).sum() / width).exp())
    unsquared = _kernels(lambda a, b, width: (-((a - b) ** 2).sum().sqrt() / width).exp())
    function(
        answer,
        lambda a, b, width: _mmd2(a, b, width, plain),
        cases,
        mistakes=[
            Mistake(
                lambda a, b, width: _mmd2(a, b, width, plain, diagonal=True),
                "each row is compared with itself too. That pair always scores 1, so the distance of two equal "
                "distributions never falls to zero. Which pairs may stay, and how many are they?",
            ),
            Mistake(
                lambda a, b, width: _mmd2(a, b, width, plain, diagonal=True) - 1 / len(a) - 1 / len(b),
                "the pairs of a row with itself are out of the sum, and you still count them when you divide.",
            ),
            Mistake(
                lambda a, b, width: _mmd2(a, b, width, plain).clamp(min=0),
                "you cut off what falls below 0. What does that do to the average over many equal samples?",
            ),
            Mistake(
                lambda a, b, width: _mmd2(a, b, width, plain, cross=1),
                "for equal distributions your value stays far above zero. Expand the square of a difference: how often "
                "does the mixed term come?",
            ),
            Mistake(
                lambda a, b, width: _mmd2(a, b, width, unsquared),
                "the kernel takes the distance itself, and the Gaussian kernel takes its square.",
            ),
            Mistake(
                lambda a, b, width: _mmd2(a, b, width, plain, cross=-2),
                "the more the samples differ, the smaller your value. Look at the sign of the mixed term.",
            ),
        ],
        look="the section 'D, built in the open' of notebook 08; write down the three means, then the pairs in each.",
    )
    right("your estimate agrees with a sum over all pairs, one by one, also where it falls below zero.")


def floor_of_biased_mmd(answer: float) -> None:
    """Check what the biased MMD² reads for equal distributions: 50 rows a side, mean kernel 0.6. Exercise 2 of 08.

    Raises NotAttempted or NotYet.
    """
    rows, kernel = 50, 0.6
    within = (rows * 1 + rows * (rows - 1) * kernel) / rows**2  # the mean over all pairs, rows with themselves too
    number(
        answer,
        2 * within - 2 * kernel,
        within=2e-4,
        mistakes=[
            (0, "the unbiased estimate reads 0. The biased one also counts each row with itself: what does that do?"),
            (within - kernel, "that is the excess within one sample, and two samples are compared with themselves."),
            *(
                (2 / n, "you add what the rows score with themselves, but they also take the place of other pairs.")
                for n in (rows, rows - 1)
            ),
        ],
        look="among 50 × 50 pairs, how many are a row with itself, and what do those score?",
    )
    right("the floor shrinks as 1/n, so a biased D that stops falling may already be as small as it can get.")


def choice_without_labels(answer: Callable[[Mapping[float, Tensor], Domain], float]) -> None:
    """Check a choice of λ that reads no target label. Exercise 3 of notebook 08.

    `answer(logits, target)` takes each λ's logits (n, k) on the target's rows. Raises NotAttempted or NotYet.
    """
    target, models = _four_models()
    hints = {
        "collapsed": "it takes the model that is surest of each answer, and that model gives every image the same one. "
        "What must hold of all answers together?",
        "unsure": "it takes the model whose answers are spread most evenly, and that model is sure of none. "
        "What must hold of each single answer?",
        "loud": "it takes the model with the largest logits. Their size is no probability yet.",
    }
    for weights in ((0.0, 1.0, 10.0, 100.0), (5.0, 0.25, 0.0, 3.0)):  # twice: a λ by heart, or a place, is no choice
        kinds = dict(zip(weights, models, strict=True))
        picked = _picked(answer, {weight: models[kind] for weight, kind in kinds.items()}, target)
        if picked not in kinds:
            raise NotYet(f"Not yet: {picked!r:.40} is none of the four λ, which here are {sorted(kinds)}.")
        if kinds[picked] in hints:
            raise NotYet(f"Not yet: {hints[kinds[picked]]}")
    right("the choice is the same without labels and with wrong ones; sure alone or even alone would not do.")


def _picked(answer: Callable, logits: dict[float, Tensor], target: Domain) -> float:
    """Return the λ that a reader's function picks; raise NotYet for one that depends on the target's labels."""
    targets = {
        "a target without labels": target.unlabelled(),
        "a target with its labels": target,
        "a target with wrong labels": replace(target, y=torch.zeros_like(target.y)),
    }
    chosen = []
    for case, domain in targets.items():
        given = call(answer, logits, domain, case=case)
        one = one_number(given)
        if one is None or math.isnan(one):
            raise NotYet(f"Not yet: one λ is asked for, a key of `logits`, not {shown(given)}.")
        chosen.append(one)
    if len(set(chosen)) > 1:
        raise NotYet(
            "Not yet: the same predictions lead to another λ when the target's labels are wrong. Something still "
            "reads them, and on real unlabelled data there is nothing to read."
        )
    return chosen[0]


def _four_models() -> tuple[Domain, dict[str, Tensor]]:
    """Return a target of three classes, and logits of models that are unsure, right, collapsed, and loud."""
    draw = torch.Generator().manual_seed(8)
    y = torch.arange(90) % 3
    clear = 4 * torch.nn.functional.one_hot(y, 3).float()
    noise = torch.randn(90, 3, generator=draw)
    collapsed = torch.tensor([9.0, 0, 0]).expand(90, 3)
    loud = 40 + 0.5 * noise + torch.tensor([1.0, 0, 0])
    target = Domain(torch.randn(90, 2, generator=draw), y, ("a", "b", "c"), "four models' target")
    even = torch.stack([0.2 * torch.nn.functional.one_hot((y + shift) % 3, 3) for shift in range(3)]).sum(0)
    return target, {"unsure": even, "right": clear + 0.5 * noise, "collapsed": collapsed, "loud": loud}


def _kernels(kernel: Callable) -> Callable[[Tensor, Tensor, float], Tensor]:
    """Return a function that fills a kernel's matrix pair by pair: slow, and plain to read."""
    return lambda a, b, width: torch.stack([torch.stack([kernel(x, y, width) for y in b]) for x in a])


def _mmd2(a: Tensor, b: Tensor, width: float, kernels: Callable, *, diagonal: bool = False, cross: float = 2) -> Tensor:
    within = []
    for x in (a, b):
        matrix = kernels(x, x, width)
        pairs = torch.ones_like(matrix, dtype=torch.bool) if diagonal else ~torch.eye(len(x), dtype=torch.bool)
        within.append(matrix[pairs].mean())
    return within[0] + within[1] - cross * kernels(a, b, width).mean()
