"""Checks of notebook 07: a pull to the start, five ways to fine-tune told apart, and the rank at which LoRA saves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from tlutils.check.reading import shown
from tlutils.check.verdict import Mistake, NotYet, attempted, call, errors_told, function, number, right

Weights = Sequence[Tensor]


def pull_to_the_start(answer: Callable[[Weights, Weights, Weights, float, float], Tensor]) -> None:
    """Check the penalty of L2-SP, its value and its gradient. Exercise 1 of notebook 07.

    `answer(now, start, head, alpha, beta)` takes lists of tensors of any shape. Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(7)

    def weights(*shapes: tuple[int, ...]) -> list[Tensor]:
        return [torch.randn(shape, generator=draw, dtype=torch.float64) for shape in shapes]

    shapes = [(3, 2, 3, 3), (3,), (4, 27)]
    now, start, head = weights(*shapes), weights(*shapes), weights((5, 4), (5,))
    cases = {
        "an encoder that has moved": (now, start, head, 0.3, 0.07),
        "an encoder that is where it started": (start, start, head, 2.0, 0.5),
        "an encoder that may go where it likes, α = 0": (now, start, head, 0.0, 1.0),
        "a head that may grow, β = 0": (now, start, head, 1.0, 0.0),
        "a single weight": (weights((1,)), weights((1,)), weights((1,)), 1.0, 1.0),
    }
    zero = [torch.zeros_like(w) for w in head]
    function(
        answer,
        lambda w, s, v, a, b: a / 2 * _squares(w, s) + b / 2 * _squares(v),
        cases,
        mistakes=[
            Mistake(
                lambda w, s, v, a, b: a / 2 * _squares(w) + b / 2 * _squares(v),
                "the encoder is pulled to zero, which is plain weight decay. What does it then forget of the source?",
            ),
            Mistake(
                lambda w, s, v, a, b: a / 2 * _squares(w, s),
                "the head's weights are not held at all. In SP, which weights have a starting point worth staying at, "
                "and what is done with the others?",
            ),
            Mistake(
                lambda w, s, v, a, b: a / 2 * (_squares(w, s) + _squares(v)),
                "one strength serves both parts. The head has one of its own.",
            ),
            Mistake(
                lambda w, s, v, a, b: a * _squares(w, s) + b * _squares(v),
                "your value is too large by one factor everywhere. Look at the formula once more; what is the slope of "
                "w² / 2?",
            ),
            Mistake(
                lambda w, s, v, a, b: a / 2 * _squares(w, s) ** 0.5 + b / 2 * _squares(v) ** 0.5,
                "that is the distance, and the penalty takes its square.",
            ),
            Mistake(
                lambda w, s, v, a, b: a / 2 * _mean_squares(w, s) + b / 2 * _mean_squares(v, zero),
                "you take means, so a large layer weighs no more than a small one. ‖·‖² is a sum over all weights.",
            ),
        ],
        look="the formula under 'How far may they go?' in notebook 07: two squared distances, and what each is from.",
    )
    with errors_told("its gradient"):
        _gradient(answer, now, start, head)
    right("value and gradient agree: at the start nothing pulls the encoder, and further away it is pulled harder.")


def five_ways_told_apart(answer: Mapping[str, str]) -> None:
    """Check which run of a table was trained in which way. Exercise 2 of notebook 07.

    `answer` gives the letter of a row for each way. Raises NotAttempted or NotYet.
    """
    attempted(answer)
    runs = {"frozen": "D", "frozen, in training mode": "B", "one rate": "A", "one rate, too high": "C", "L2-SP": "E"}
    if not isinstance(answer, Mapping) or answer.keys() != runs.keys():
        raise NotYet(f"Not yet: a dict with the keys {', '.join(map(repr, runs))} is asked for, not {shown(answer)}.")
    given = {way: shown(letter, 40, str).strip().upper() for way, letter in answer.items()}
    if sorted(given.values()) != sorted(runs.values()):
        raise NotYet("Not yet: each of the letters A to E stands for one way, and each is used once.")
    hints = {
        "one rate, too high": "a rate that is too high does not show in the training loss: with twenty pictures any "
        "network learns them by heart. Where does it show?",
        "frozen": "in two rows no weight moved, and only one of them kept its features. What else does an encoder "
        "hold that can move?",
        "frozen, in training mode": "a run in training mode changes the encoder without any gradient. Which column "
        "must then be 0, and which not?",
        "L2-SP": "two runs had the same rate, and one of them was held back. In which column does that show first?",
    }
    for way, hint in hints.items():
        if given[way] != runs[way]:
            raise NotYet(f"Not yet: {hint}")
    right("in B no weight moved and yet the features did. The training loss betrays neither that nor a rate too high.")


def highest_saving_rank(answer: int) -> None:
    """Check up to which rank LoRA trains fewer weights than a convolution has. Exercise 3 of notebook 07.

    Raises NotAttempted or NotYet.
    """
    rows, places, inputs = 128, 9, 64
    columns = places * inputs
    rank = 0
    while (rank + 1) * (rows + columns) < rows * columns:  # one more column of B and row of A
        rank += 1
    number(
        answer,
        rank,
        within=0.2,
        mistakes=[
            (rank + 1, "count once more at your rank: is that fewer weights, or already more?"),
            (
                rows * columns / (rows + columns),
                "a rank is a whole number. On which side of yours does LoRA still save?",
            ),
            (rows, "a product of that rank can be any matrix of this shape, and costs more than the matrix itself."),
            (
                rows * columns // (rows + inputs),
                "each row of A must be as long as a row of W. How long is that, in a 3 × 3 convolution?",
            ),
            (rows * inputs // (rows + inputs), "that would be right for a 1 × 1 convolution. Count all nine places."),
            (rows * inputs // (rows + columns), "W has more weights than that: each of the 9 places has its own."),
            (rows // 2, "half the shorter side holds for square matrices only."),
        ],
        look="how many weights has W, how many has B with r columns, and how many A with r rows?",
    )
    right("the full rank would be 128, and near it nothing is saved; LoRA pays where far lower ranks suffice.")


def _gradient(answer: Callable, now: Weights, start: Weights, head: Weights) -> None:
    """Compare the gradient with α(w − w₀) and βv, which is what the formula is there for."""
    alpha, beta = 0.3, 0.07
    free = [[w.clone().requires_grad_() for w in part] for part in (now, head)]
    value = call(lambda: answer(free[0], start, free[1], alpha, beta))
    if not isinstance(value, Tensor) or not value.requires_grad:
        raise NotYet(
            "Not yet: the value is right, but no gradient leads back from it to the weights, so it would hold nothing "
            "in training. Where does it cease to be a tensor that PyTorch follows?"
        )
    gradients = torch.autograd.grad(value.sum(), free[0] + free[1], allow_unused=True)
    expected = [alpha * (w - s) for w, s in zip(now, start, strict=True)] + [beta * v for v in head]
    for got, want in zip(gradients, expected, strict=True):
        if got is None or not (got - want).abs().max() <= 1e-4:
            raise NotYet("Not yet: the value is right, but its gradient reaches only some of the weights.")


def _squares(weights: Weights, start: Weights | None = None) -> float:
    """Return the sum of squared distances, number by number; from zero without a start."""
    flat = torch.cat([w.flatten() for w in weights]).tolist()
    origin = torch.cat([w.flatten() for w in start]).tolist() if start else [0.0] * len(flat)
    return sum((a - b) ** 2 for a, b in zip(flat, origin, strict=True))


def _mean_squares(weights: Weights, start: Weights) -> float:
    return sum(((w - s) ** 2).mean().item() for w, s in zip(weights, start, strict=True))
