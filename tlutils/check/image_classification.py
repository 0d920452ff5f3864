"""Checks of notebook 10: pooling and softmax by hand, the size of the new layer, and a translation that is mended."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from tlutils.check.reading import shown
from tlutils.check.verdict import Mistake, NotYet, call, errors_told, function, number, numbers, right, values

CLASSES = 3


def pooled_shares(answer: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Check the shares of the classes from the base's maps. Exercise 1 of notebook 10.

    `answer(maps, weight, bias)` takes maps (n, c, h, w), weights (k, c) and biases (k,) and returns (n, k). Raises
    NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(10)

    def sample(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw, dtype=torch.float64)

    # As many channels as columns, so that a mean over the wrong axes gives rows of the right length.
    cases = {
        "two pictures, maps of 3 × 4 places": (sample(2, 4, 3, 4), sample(5, 4), sample(5)),
        "a single picture": (sample(1, 3, 2, 3), sample(2, 3), sample(2)),
        "maps of a single place": (sample(3, 1, 1, 1), sample(4, 1), sample(4)),
        "logits of about a thousand": (500 + sample(3, 2, 3, 2), 1 + 0.01 * sample(3, 2), sample(3)),
    }

    def slip(**change: Any) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        return lambda maps, weight, bias: _in_one_go(maps, weight, bias, **change)

    function(
        answer,
        _by_hand,
        cases,
        mistakes=[
            Mistake(slip(last=lambda logits: logits), "those are logits: they need not sum to 1, and may be negative."),
            Mistake(
                slip(last=lambda logits: logits.softmax(0)),
                "your shares sum to 1 over the pictures. Over what are the shares of one picture to sum to 1?",
            ),
            Mistake(
                slip(pool=lambda maps: maps.mean((1, 2))),
                "the mean runs over the axes where Keras keeps height and width. Where do they lie in PyTorch?",
            ),
            Mistake(
                slip(pool=lambda maps: maps.sum((2, 3))),
                "a picture twice as wide would get features twice as large. What must a sum be divided by?",
            ),
            Mistake(slip(pool=lambda maps: maps.amax((2, 3))), "you take the strongest place alone; all are to count."),
            Mistake(
                lambda maps, weight, bias: _in_one_go(maps, weight, 0 * bias),
                "the layer has a number for each class that does not depend on the picture, and yours is without.",
            ),
        ],
        look="the shapes: (n, c, h, w), then (n, c), then (n, k). And what is exp(1000)? Shares do not change when all "
        "logits of a picture are lowered alike.",
    )
    right("each picture's shares sum to 1, for maps of any size, and for logits that exp alone could not bear.")


def size_of_new_layer(answer: Sequence[int]) -> None:
    """Check how many numbers the new layer of ResNet-50 has for 37 classes. Exercise 2 of notebook 10.

    `answer` holds them pooled at 224 and at 448 pixels, and flattened at 448. Raises NotAttempted or NotYet.
    """
    given = values(answer, 3, "three numbers")
    maps, classes = 2048, 37
    pooled = (maps + 1) * classes
    flat = {side: (maps * side * side + 1) * classes for side in (7, 14)}
    forgotten = "the biases are missing, one for each class."
    for one, name in zip(given, ("first", "second"), strict=False):
        number(
            one,
            pooled,
            within=0.5,
            mistakes=[
                (maps * classes, forgotten),
                (maps * classes + maps, "one bias belongs to each class, not to each feature."),
                *((size, f"the {name} number: after pooling no place is left over.") for size in flat.values()),
                (4 * pooled, "the second number: which part of a pooled row depends on the size of the picture?"),
            ],
            look=f"the {name} number: how long is the row that reaches the layer, and how many classes are there?",
        )
    number(
        given[2],
        flat[14],
        within=0.5,
        mistakes=[
            (flat[14] - classes, forgotten),
            (flat[7], "the third number: that is flattening at 224 pixels. How many places has a map at 448?"),
            (2 * flat[7] - classes, "the third number: twice the side is not twice the places."),
            (pooled, "the third number: flattening keeps every place of every map."),
        ],
        look="the third number: channels times places, and each of them has a weight for each class.",
    )
    right("pooling makes the layer small, and the same one serves pictures of any size.")


def mended_loop(answer: Callable[[nn.Module, Tensor, Tensor, int], nn.Module]) -> None:
    """Check a training loop over a frozen base: inputs, weights, statistics, loss. Exercise 3 of notebook 10.

    `answer(base, x, y, classes)` returns the trained model. Raises NotAttempted or NotYet.
    """
    with torch.random.fork_rng(devices=[]):  # layers and the order of batches draw from the global generator
        torch.manual_seed(10)
        y = torch.arange(96) % CLASSES
        colours = torch.tensor([[0.8, 0.3, 0.3], [0.3, 0.8, 0.3], [0.3, 0.3, 0.8]])
        x = (colours[y][:, :, None, None] + 0.15 * torch.randn(96, 3, 4, 4)).clamp(0, 1)
        base, clean = _Base(), _Base()
        clean.load_state_dict(base.state_dict())
        met: list[tuple[nn.Module, Tensor]] = []
        losses: list[Tensor] = []
        base.register_forward_pre_hook(_meeting(met), with_kwargs=True)
        with patch.object(nn.functional, "cross_entropy", _watched(nn.functional.cross_entropy, losses)):
            model = call(answer, base, x, y, CLASSES)
        if not isinstance(model, nn.Module):
            raise NotYet(f"Not yet: the trained model is asked for, and this is {shown(model)}.")
        with torch.no_grad(), errors_told("the pictures that it learnt from"):
            said = numbers(model.eval()(x), "the model's logits")
            _judge_base(met, clean)
            if any(_shares(logits) for logits in [*losses, said]):
                raise NotYet(
                    "Not yet: `cross_entropy` gets shares, or the model returns them, where logits are asked for. The "
                    "loss brings a softmax of its own: what does a second one do to the gradient of an answer that is "
                    "sure?"
                )
    if said.shape != (len(x), CLASSES) or (said.argmax(1) == y).float().mean() < 0.9:
        raise NotYet(
            "Not yet: the base is untouched, but after training the model does not name the pictures that it learnt "
            "from, which are easy. Does the optimiser hold the new layer's weights, and does each step start from zero?"
        )
    right("the base saw pictures as they are and kept every number, and the loss got logits.")


class _Base(nn.Module):
    """A base like those of the course: normalises by itself, has BatchNorm, ends with pooling."""

    dim = 8

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.batchnorm = nn.Conv2d(3, self.dim, 1), nn.BatchNorm2d(self.dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.batchnorm(self.convolution((x - 0.45) / 0.23)).relu().mean((2, 3))


def _meeting(met: list[tuple[nn.Module, Tensor]]) -> Callable:
    """Return a hook that notes what a module, or a copy of it, is given."""
    return lambda module, inputs, named: met.append((module, (inputs[0] if inputs else named["x"]).detach()))


def _judge_base(met: list[tuple[nn.Module, Tensor]], clean: nn.Module) -> None:
    if not met:
        raise NotYet("Not yet: no picture ever reached the base.")
    if not all(x.min() >= 0 and x.max() <= 1 for _, x in met):
        raise NotYet(
            "Not yet: pixels outside 0 to 1 reach the base. It normalises by itself; what does it make of pictures "
            "that have been normalised already?"
        )
    used = met[-1][0]
    if any(not torch.equal(a, b) for a, b in zip(used.parameters(), clean.parameters(), strict=True)):
        raise NotYet("Not yet: the base's weights have changed. Which half of line 4 of the listing keeps them?")
    if any(not torch.equal(a, b) for a, b in zip(used.buffers(), clean.buffers(), strict=True)):
        raise NotYet(
            "Not yet: the base's weights are as before, and its BatchNorm statistics are not. What does "
            "`model.train()` do to a part that is not to learn?"
        )


def _watched(loss: Callable, given: list[Tensor]) -> Callable:
    def watched(*inputs: Any, **named: Any) -> Tensor:
        given.append((inputs[0] if inputs else named["input"]).detach())
        return loss(*inputs, **named)

    return watched


def _shares(logits: Tensor) -> bool:
    return bool((logits >= 0).all() and (logits.sum(1) - 1).abs().max() < 1e-4)


def _by_hand(maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the shares, place by place and class by class."""
    shares = []
    for picture in maps.tolist():
        features = [sum(map(sum, channel)) / sum(map(len, channel)) for channel in picture]
        logits = [
            math.fsum(a * b for a, b in zip(row, features, strict=True)) + constant
            for row, constant in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
        powers = [math.exp(logit - max(logits)) for logit in logits]
        shares.append([power / sum(powers) for power in powers])
    return torch.tensor(shares)


def _in_one_go(
    maps: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    pool: Callable[[Tensor], Tensor] = lambda maps: maps.mean((2, 3)),
    last: Callable[[Tensor], Tensor] = lambda logits: logits.softmax(1),
) -> Tensor:
    return last(pool(maps) @ weight.T + bias)
