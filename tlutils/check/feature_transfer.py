"""Checks of notebook 06: an encoder that stays frozen, what kept features save, and statistics that leak."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from statistics import mean, pstdev, stdev

import torch
from torch import Tensor, nn

from tlutils.check.reading import shown
from tlutils.check.verdict import Mistake, NotYet, call, errors_told, function, number, right

STEPS = 4


def frozen_for_good(answer: Callable[[nn.Module], nn.Module]) -> None:
    """Check that an encoder stays as it is in a loop that calls `train()`. Exercise 1 of notebook 06.

    `answer(encoder)` returns a module with the encoder's features. Raises NotAttempted or NotYet.
    """
    with torch.random.fork_rng(devices=[]):  # layers and dropout draw from the global generator
        torch.manual_seed(6)
        pictures = 2 * torch.randn(24, 3, 6, 6) + 3
        for case, encoder in _encoders().items():
            clean = copy.deepcopy(encoder).eval().requires_grad_(False)
            frozen = call(answer, encoder, case=case)
            if not isinstance(frozen, nn.Module):
                raise NotYet(f"Not yet: for {case}, a module is asked for, and this is {shown(frozen)}.")
            with errors_told(case):
                _train_above(frozen, clean, pictures, case)
    right("neither `train()` nor the optimiser reached it, and each picture's features depend on that picture alone.")


def speed_of_kept_features(answer: float) -> None:
    """Check how much faster a head trains on four kept versions of each picture. Exercise 2 of notebook 06.

    Raises NotAttempted or NotYet.
    """
    encoder, head, epochs, versions = 4.0, 0.1, 20, 4  # milliseconds for one picture
    every_time = epochs * (encoder + head)
    number(
        answer,
        every_time / (versions * encoder + epochs * head),
        within=0.05,
        mistakes=[
            (every_time / (encoder + epochs * head), "you pass each picture once, and four versions of it are kept."),
            (epochs / versions, "that is the limit. The head's own share is paid in both ways, and it is not nothing."),
            (epochs, "that is the limit for one version and a head that costs nothing."),
            (every_time / (epochs * head), "the features that are kept had to be computed first."),
            (
                every_time / (versions * (encoder + epochs * head)),
                "in an epoch the head meets one version of each picture, not all four.",
            ),
        ],
        look="write down the milliseconds for one picture, over all 20 epochs: first the encoder's, then the head's.",
    )
    right("most of the limit of 5 is reached; the heavier the encoder, the closer one comes.")


def standardised_apart(answer: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
    """Check that new rows are standardised without a look at them. Exercise 3 of notebook 06.

    `answer(known, new)` takes features (n, d) and (m, d) and returns both. Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(6)

    def sample(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw, dtype=torch.float64)

    dead = sample(8, 3) * torch.tensor([1.0, 0, 1])
    cases = {
        "twelve known rows and five new ones that lie elsewhere": (3 * sample(12, 3) + 2, sample(5, 3) - 4),
        "a single new row": (sample(6, 2) + 1, sample(1, 2)),
        "a feature that is 0 in each known row and not in the new ones": (dead, sample(4, 3)),
    }
    function(
        answer,
        _standardised(_spread_in_use(answer, cases)),
        cases,
        mistakes=[
            *_in_either_spread(
                lambda known, new: (torch.cat([known, new]), torch.cat([known, new])),
                "the new rows have a say in mean and spread. With ten other new rows, the same row would get other "
                "numbers: what did the training see of the test?",
            ),
            *_in_either_spread(
                lambda known, new: (known, new),
                "each part has statistics of its own. A model that learnt in one unit then meets another, and a shift "
                "between the parts is wiped out before anybody can notice it.",
            ),
            Mistake(
                lambda known, new: tuple((x - known.mean()) / known.std() for x in (known, new)),
                "one mean and one spread serve all features. Which axis is the mean to run over?",
            ),
        ],
        look="which rows may mean and spread come from, along which axis, and what if a spread is 0?",
    )
    right("a new row gets the same numbers alone or in company, so the score is that of unseen pictures.")


def _encoders() -> dict[str, nn.Module]:
    convolution = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    dense = [nn.Flatten(), nn.Linear(108, 4), nn.BatchNorm1d(4, affine=False), nn.ReLU(), nn.Dropout(0.5)]
    return {
        "a convolution with BatchNorm": nn.Sequential(*convolution),
        "a dense layer with dropout, and a BatchNorm that has no weights": nn.Sequential(*dense),
    }


def _train_above(frozen: nn.Module, clean: nn.Module, pictures: Tensor, case: str) -> None:
    """Train a head on `frozen` as a loop does that knows nothing of frozen parts; raise NotYet for what moves."""
    head, y = nn.Linear(4, 2), torch.arange(len(pictures)) % 2
    model = nn.Sequential(frozen, head)
    asking = [p for p in model.parameters() if p.requires_grad]
    weights = [p.detach().clone() for p in frozen.parameters()]
    statistics = [b.clone() for b in frozen.buffers() if b.is_floating_point()]
    in_company = 0.0
    for step in range(STEPS):
        model.train()
        rows = pictures[step : step + 20]
        try:
            features = frozen(rows)
            loss = nn.functional.cross_entropy(head(features), y[step : step + 20])
            gradients = torch.autograd.grad(loss, asking, allow_unused=True)
        except Exception as error:
            if "nference tensor" in str(error):
                raise NotYet(
                    "Not yet: the features come out of inference mode, and no head can train on them. Lesson 06 says "
                    "where an ordinary tensor arises; which milder mode also keeps no record?"
                ) from error
            raise NotYet(f"Not yet: for {case}, the loop stopped with {type(error).__name__}: {error}") from error
        with torch.no_grad():  # one step of plain gradient descent
            for weight, gradient in zip(asking, gradients, strict=True):
                if gradient is not None:
                    weight.sub_(0.5 * gradient)
        in_company = max(in_company, _apart(features, clean(rows)))
    if _moved(weights, frozen.parameters()):
        raise NotYet(
            f"Not yet: for {case}, the optimiser has changed the encoder's weights. What must a weight not ask for?"
        )
    if _moved(statistics, (b for b in frozen.buffers() if b.is_floating_point())):
        raise NotYet(
            f"Not yet: for {case}, no weight changed, but the running statistics did. The loop calls `train()` before "
            "every step; what you set once, it sets back."
        )
    if in_company > 1e-4:
        raise NotYet(
            f"Not yet: for {case}, nothing in the encoder has changed, and still a picture's features differ from "
            "those of evaluation mode while the loop runs. Which layers look at the whole batch, or at chance?"
        )
    if _apart(model.eval()[0](pictures), clean(pictures)) > 1e-4:
        raise NotYet(f"Not yet: for {case}, the features after the loop are not those from before it.")


def _apart(features: Tensor, expected: Tensor) -> float:
    if features.shape != expected.shape:
        raise NotYet(f"Not yet: features of shape {tuple(expected.shape)} are asked for, not {tuple(features.shape)}.")
    return (features - expected).abs().nan_to_num(math.inf).max().item()


def _moved(before: list[Tensor], after: Iterable[Tensor]) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


def _spread_in_use(answer: Callable, cases: dict) -> Callable:
    """Return the spread a reader took: PyTorch divides by n − 1 and scikit-learn by n, and either will do."""
    case = next(iter(cases))
    try:
        function(answer, _standardised(stdev), {case: cases[case]}, look="")
    except NotYet:
        return pstdev
    return stdev


def _standardised(spread: Callable) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return a function that standardises number by number with the statistics of the known rows."""

    def by_hand(known: Tensor, new: Tensor) -> tuple[Tensor, Tensor]:
        parts = known.clone(), new.clone()
        for column, values in enumerate(known.T.tolist()):
            middle, width = mean(values), spread(values) or 1.0
            for part in parts:
                for row in part:
                    row[column] = (row[column] - middle) / width
        return parts

    return by_hand


def _in_either_spread(sources: Callable, hint: str) -> list[Mistake]:
    """Return the mistake to standardise both parts by the rows that `sources` names, with n − 1 and with n."""

    def by(correction: int) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
        def standardise(known: Tensor, new: Tensor) -> tuple[Tensor, Tensor]:
            rows = sources(known, new)
            if not all(s.std(0).gt(0).all() for s in rows):  # not for one row either, where it is not defined
                raise ValueError("no spread, and what follows is no number that one could recognise")
            parts = zip((known, new), rows, strict=True)
            return tuple((x - s.mean(0)) / s.std(0, correction=correction) for x, s in parts)

        return standardise

    return [Mistake(by(1), hint), Mistake(by(0), hint)]
