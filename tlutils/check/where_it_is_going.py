"""Checks of notebook 19: BatchNorm over processes, the seconds of a step, and a stream that is sorted by class."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tlutils.check.verdict import Mistake, function, number, right


def statistics_of_the_whole_batch(answer: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
    """Check mean and variance of a batch from those of its shares. Exercise 1 of notebook 19.

    `answer(counts, means, variances)` takes (p,), (p, c) and (p, c). Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(19)

    def shares(*counts: int, apart: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
        parts = [torch.randn(n, 3, generator=draw, dtype=torch.float64) + apart * i for i, n in enumerate(counts)]
        told = [
            (part.mean(0), part.var(0, correction=0)) if len(part) else torch.zeros(2, 3).double() for part in parts
        ]
        means, variances = zip(*told, strict=True)
        return torch.tensor(counts), torch.stack(means), torch.stack(variances)

    cases = {
        "two processes with as many rows": shares(6, 6, apart=3),
        "three processes with 8, 8 and 2 rows": shares(8, 8, 2, apart=1),
        "one row in each of four processes": shares(1, 1, 1, 1, apart=1),
        "a process without rows": shares(5, 0, 3, apart=2),
        "one process": shares(7),
    }
    function(
        answer,
        _whole,
        cases,
        mistakes=[
            Mistake(
                lambda counts, means, variances: (means.mean(0), variances.mean(0)),
                "all processes count the same, with many rows or none; and for one row in each, your variance is 0.",
            ),
            Mistake(
                lambda counts, means, variances: (_mean(counts, means), _mean(counts, variances)),
                "the mean is right. But for one row in each process your variance is 0, though the rows differ.",
            ),
            Mistake(
                lambda counts, means, variances: _whole(torch.ones_like(counts), means, variances),
                "all processes count the same, whether they hold many rows or none.",
            ),
            Mistake(
                lambda counts, means, variances: (means.mean(0), _mean(counts, variances)),
                "the variances are weighted by rows, the means are not; and the means differ from each other, too.",
            ),
            Mistake(
                _over_one_less,
                "you divide by one row less than there are. That guesses the variance of a population; BatchNorm "
                "normalises by that of the batch itself.",
            ),
            Mistake(
                lambda counts, means, variances: (
                    _mean(counts, means),
                    _mean(counts, variances) + means.var(0, correction=0),
                ),
                "that the means differ is counted, but a process of two rows weighs as much there as one of eight.",
            ),
            Mistake(
                lambda counts, means, variances: (
                    _mean(counts, means),
                    _mean(counts, means**2) - _mean(counts, means) ** 2,
                ),
                "only the distances between the processes' means are counted. Within a process rows differ, too.",
            ),
        ],
        look="what the rows of each process contribute to the mean of all x, and to the mean of all x².",
    )
    right("no row left its process, only three short lists did. That is how BatchNorm sees the whole batch.")


def _mean(counts: Tensor, values: Tensor) -> Tensor:
    """Return the mean over rows of what each process says of its own (p, c)."""
    rows = [value for count, value in zip(counts.tolist(), values, strict=True) for _ in range(count)]
    return torch.stack(rows).mean(0)


def _whole(counts: Tensor, means: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance from first and second moments: the mean of squares less the square of the mean."""
    mean = _mean(counts, means)
    return mean, _mean(counts, variances + means**2) - mean**2


def _over_one_less(counts: Tensor, means: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
    mean, variance = _whole(counts, means, variances)
    n = int(counts.sum())
    return mean, variance * n / (n - 1)


def seconds_of_a_step(answer: float) -> None:
    """Check the seconds of a step of eight processes: computing, then a ring all-reduce. Exercise 2 of notebook 19.

    Raises NotAttempted or NotYet.
    """
    p, alone, size, bandwidth = 8, 256 / 500, 4 * 90_000_000, 10e9 / 8  # seconds, bytes, bytes a second
    compute, messages = alone / p, 2 * (p - 1)
    send = sum(size / p / bandwidth for _ in range(messages))
    number(
        answer,
        compute + send,
        within=2e-3,
        mistakes=[
            (compute + send / 8, "the network's figure is in bits, and gradients are counted in bytes."),
            (compute + send / 4, "you sent as many bytes as there are weights. How long is a float32 number?"),
            (compute + size / bandwidth, "you sent the gradients once. In a ring the pieces go around, and how often?"),
            (
                compute + send / 2,
                "after half of the way each process holds one finished piece. The others want it as well.",
            ),
            (compute + send * p, "each message holds all of the gradient. How large is a piece in the ring?"),
            (alone + send, "eight processes share the 256 texts. How many does each compute?"),
            (send, "that is the sending alone."),
            (compute, "that is the computing alone: the gradients have not been added up yet."),
            (alone, "that is one process, which has nobody to talk to."),
        ],
        look="texts, texts a second, weights, bytes, bits, pieces: one line for each of both parts, with units.",
    )
    right("that is more than one process needs. Send less (LoRA), send faster, or compute more in each step.")


def accuracy_on_a_sorted_stream(answer: float) -> None:
    """Check the accuracy that batches of one class leave to their own BatchNorm. Exercise 3 of notebook 19.

    Raises NotAttempted or NotYet.
    """
    classes = 8
    number(
        answer,
        1 / classes,
        within=5e-3,
        mistakes=[
            (1, "the clouds are far apart before BatchNorm. What told them apart, and is it still there behind it?"),
            (0, "the head still names something. Say it names the same class in every batch: is it never right?"),
            (1 - 1 / classes, "that is the share of wrong answers."),
            (0.5, "there are more than two classes to be wrong about."),
        ],
        look="what the head sees of a batch, once the batch's own mean and variance are taken off.",
    )
    right("no head can do better than a guess: what told the classes apart went with the batch's mean.")
