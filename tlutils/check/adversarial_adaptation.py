"""Checks of notebook 09: one loss for two players, what an even game reads, and a run that can be kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tlutils.check.reading import shown
from tlutils.check.verdict import Mistake, NotYet, call, choice, function, number, right, values


def adversarial_loss(answer: Callable[[Tensor, Tensor, nn.Module, float], Tensor]) -> None:
    """Check one loss for encoder and discriminator, its value and all its gradients. Exercise 1 of notebook 09.

    `answer(source, target, discriminator, strength)` takes features (n, d) and (m, d). Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(9)

    def sample(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw, dtype=torch.float64)

    sure = 150 * torch.ones(2, 1, dtype=torch.float64)
    cases = {
        "as many rows on both sides": (sample(4, 3), sample(4, 3) + 1, sample(1, 3), 0.3),
        "six source rows against two of the target": (sample(6, 3) + 1, sample(2, 3), sample(1, 3), 2.5),
        "a strength of 0, so that only the discriminator learns": (sample(3, 2), sample(2, 2), sample(1, 2), 0.0),
        "a discriminator that is very sure, and wrong": (-sure, sure, torch.ones(1, 1, dtype=torch.float64), 0.5),
    }

    def mistake(hint: str, **factors: Any) -> Mistake:
        return Mistake(lambda *inputs: _by_hand(*inputs, **factors), hint)

    for case, inputs in cases.items():
        value = call(_called_with_a_network(answer), *inputs, case=case)
        if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
            raise NotYet(f"Not yet: one number as a tensor is asked for, and no gradient leads from {shown(value)}.")
    function(
        lambda *inputs: _loss_and_gradients(answer, *inputs),
        _by_hand,
        cases,
        mistakes=[
            mistake(
                "the encoder gets the gradient as it is, and so helps the discriminator. Who turns its sign?",
                features=lambda s: 1,
            ),
            mistake(
                "the encoder's gradient has the right size and the wrong sign: both players pull the same way.",
                features=lambda s: s,
            ),
            mistake("the sign is right, but `strength` has no effect on the encoder.", features=lambda s: -1),
            mistake(
                "no gradient arrives at the features, so the encoder never hears of the game.", features=lambda s: 0
            ),
            *(
                mistake(
                    "a loss with a minus sign turns the discriminator round as well: it would learn to be wrong. Which "
                    "of the two players is to feel the minus?",
                    features=lambda s, f=f: -f(s),
                    discriminator=lambda s, f=f: -f(s),
                )
                for f in (lambda s: 1, lambda s: s)
            ),
            mistake(
                "the discriminator feels `strength` too. With a small one it would learn slowly, and judge badly.",
                features=lambda s: -s,
                discriminator=lambda s: s,
            ),
            mistake(
                "each row weighs the same, so the larger domain weighs more. A discriminator could please it alone.",
                balanced=False,
            ),
            mistake("the logit is to say 'source', and yours says 'target'.", source_is=0.0),
            Mistake(
                lambda *inputs: [_by_hand(*inputs)[0], *_by_hand(*inputs, discriminator=lambda s: -s)[1:]],
                "on the way back the discriminator's own weights get the minus too. Which player stands where, seen "
                "from the loss, and where must the sign change?",
            ),
            Mistake(
                lambda *inputs: [2 * part for part in _by_hand(*inputs)],
                "signs and strength are right, and all is twice too large. What of the domains' losses is asked for?",
            ),
        ],
        look="where does the reversal stand: before the discriminator, behind it, or around the loss? Does it reach "
        "both domains? And does the loss get logits, and stay exact for those far from 0?",
    )
    right("the loss and all three gradients agree with sums worked out by hand: one loss, two players.")


def accuracy_when_alike(answer: Sequence[float]) -> None:
    """Check the domain accuracies of an even game, 300 source rows and 100 of the target. Exercise 2 of notebook 09.

    `answer` holds the accuracy over all rows and the mean of the domains' own. Raises NotAttempted or NotYet.
    """
    overall, of_each = values(answer, 2, "two numbers")
    source, target = 300, 100
    number(
        overall,
        max(source, target) / (source + target),
        within=0.005,
        mistakes=[
            (0.5, "over all rows, ½ is what a coin gets. One can do better without a look at the features."),
            (1, "if the features are alike, no row gives its domain away."),
            (target / (source + target), "that is how often it errs."),
            (0.625, "that is guessing 'source' three times in four, at random. There is a better way to know nothing."),
        ],
        look="the first number: the best answer of somebody who is told nothing but how frequent each domain is.",
    )
    number(
        of_each,
        0.5,
        within=0.005,
        mistakes=[
            (0.75, "the second number: how often is it right in the source alone, and how often in the target?"),
            (1, "the second number: being right on all of one domain has a price on the other."),
            (0, "the second number: it is not wrong everywhere. Take each domain for itself, then the mean."),
        ],
        look="the second number: the share of right answers in each domain, then the mean of the two.",
    )
    right("so a domain accuracy of 0.75 may mean 'alike': only with domains of equal weight is ½ the mark of guessing.")


def run_to_keep(answer: str) -> None:
    """Check which of the runs of `four_runs` has aligned its domains and still names classes. Exercise 3 of 09.

    Raises NotAttempted or NotYet.
    """
    choice(
        answer.strip().upper() if isinstance(answer, str) else answer,
        "C",
        {
            "A": "its predictions are the surest of all, but the discriminator of the game has lost track. What does "
            "one say that did not play?",
            "B": "nobody can tell its domains apart, at a price. How many different answers do its logits give?",
            "D": "its own discriminator reads exactly ½, and so does a fresh one. How sure is it of any row?",
        },
    )
    right("a fresh discriminator guesses, and the answers are sure and spread. Neither number alone would have told.")


def four_runs() -> dict[str, dict[str, Any]]:
    """Return what four planted adversarial runs leave: `own` accuracy, `source` and `target` features, `logits`.

    Features have shape (300, 6), the target's logits (300, 3). For exercise 3 of notebook 09.
    """
    draw = torch.Generator().manual_seed(9)
    y = torch.arange(300) % 3
    place = 3 * nn.functional.one_hot(y, 6).float()

    def noise(columns: int) -> Tensor:
        return torch.randn(300, columns, generator=draw)

    def names(strength: float) -> Tensor:
        return strength * nn.functional.one_hot(y, 3).float() + noise(3)

    apart = torch.tensor([0, 0, 0, 0, 0, 3.0])
    one_class = torch.tensor([7.0, 0, 0]) + noise(3)
    return {
        "A": {"own": 0.52, "source": place + noise(6), "target": place + noise(6) + apart, "logits": names(9)},
        "B": {"own": 0.54, "source": place + noise(6), "target": place + noise(6), "logits": one_class},
        "C": {"own": 0.57, "source": place + noise(6), "target": place + noise(6), "logits": names(6)},
        "D": {"own": 0.50, "source": 0.1 * noise(6), "target": 0.1 * noise(6), "logits": 0.1 * noise(3)},
    }


def _called_with_a_network(answer: Callable) -> Callable:
    """Return a function of features, the discriminator's weight and a strength that sends gradients to all three."""
    if not callable(answer):
        return answer

    def played(source: Tensor, target: Tensor, weight: Tensor, strength: float) -> Any:
        # On meta, its first weights draw nothing from the reader's generator.
        discriminator = nn.Linear(weight.shape[1], 1, bias=False, device="meta")
        discriminator.weight = weight if isinstance(weight, nn.Parameter) else nn.Parameter(weight)
        return answer(source.requires_grad_(), target.requires_grad_(), discriminator, strength)

    return played


def _loss_and_gradients(answer: Callable, source: Tensor, target: Tensor, weight: Tensor, strength: float) -> list:
    """Return a reader's loss and its gradients at the features and at the discriminator's weight."""
    weight = nn.Parameter(weight)
    loss = _called_with_a_network(answer)(source, target, weight, strength).reshape(())
    gradients = torch.autograd.grad(loss, (source, target, weight), allow_unused=True, materialize_grads=True)
    return [loss, *gradients]


def _by_hand(
    source: Tensor,
    target: Tensor,
    weight: Tensor,
    strength: float,
    *,
    features: Callable[[float], float] = lambda s: -s,
    discriminator: Callable[[float], float] = lambda s: 1,
    balanced: bool = True,
    source_is: float = 1.0,
) -> list[Any]:
    """Return loss and gradients, row by row, each gradient times what its player feels of the strength."""
    loss, for_weight, parts = 0.0, torch.zeros_like(weight), []
    for rows, name in ((source, source_is), (target, 1 - source_is)):
        share = 1 / (2 * len(rows)) if balanced else 1 / (len(source) + len(target))
        part = torch.zeros_like(rows)
        for i, row in enumerate(rows):
            score = float(row @ weight[0])
            wrong_way = -score if name else score
            loss += share * (max(wrong_way, 0) + math.log1p(math.exp(-abs(score))))
            slope = share * (0.5 * (1 + math.tanh(score / 2)) - name)  # of the loss, by the score
            part[i] = features(strength) * slope * weight[0]
            for_weight[0] += discriminator(strength) * slope * row
        parts.append(part)
    return [discriminator(strength) * loss, *parts, for_weight]
