"""Is a map to be believed: does it change with the weights, do maps agree, does removing what it names matter?"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tlutils.explain import covered_with
from tlutils.inputs import checked
from tlutils.loop import seeded
from tlutils.tensors import check_class_numbers, check_count, check_floats
from tlutils.train import outputs, predict

Method = Callable[[nn.Module, Tensor, Tensor], Tensor]


@checked
def map_agreement(a: Tensor, b: Tensor) -> Tensor:
    """Return the rank correlation of the maps a, b (n, h, w), image by image, (n,): Spearman's, over the pixels.

    1 for the same order of pixels, 0 for unrelated ones. A map that is the same everywhere has no order:
    its agreement is 0. Hand in absolute values where the sign of an attribution says nothing.

    Raises ValueError when the shapes differ, a map has fewer than two pixels or values that are not finite.
    Source: Adebayo et al. (2018), arXiv:1810.03292, section 3. Taught in notebook 18.
    """
    from scipy.stats import rankdata

    check_floats(a, "the first maps", "(n, h, w)")
    check_floats(b, "the second maps", "(n, h, w)")
    if a.shape != b.shape or a[0].numel() < 2:
        raise ValueError(f"need two sets of maps (n, h, w) of one shape, got {tuple(a.shape)} and {tuple(b.shape)}")
    ranks = [torch.from_numpy(rankdata(maps.detach().flatten(1).double().numpy(), axis=1)) for maps in (a, b)]
    a, b = (rank - rank.mean(1, keepdim=True) for rank in ranks)
    return ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-12)).float()


@checked
def randomised(model: nn.Module, parts: Sequence[nn.Module], *, seed: int = 0) -> list[nn.Module]:
    """Return copies of a model in which the first part, the first two, and so on have fresh random weights.

    Give the parts from the output down: the head, then the last block, at last the first. The test of
    Adebayo: a map of what the model has learnt must change with its weights. BatchNorm forgets its
    statistics as well. The model itself stays as it is.

    Raises ValueError when a part has weights that no layer of it knows how to draw again (`reset_parameters`),
    or is not a part of the model. Source: Adebayo et al. (2018), arXiv:1810.03292, section 3.1.
    Taught in notebook 18.
    """
    own = {id(p) for p in model.parameters()}
    for number, part in enumerate(parts):
        if not all(id(p) in own for p in part.parameters()):
            raise ValueError(f"part {number} is not a part of this model")
        drawn = {id(p) for layer in _layers(part) for p in layer.parameters(recurse=False)}
        if lacking := [name for name, p in part.named_parameters() if id(p) not in drawn]:
            raise ValueError(f"part {number} has weights that no layer can draw again: {', '.join(lacking[:3])}")
    model, parts = copy.deepcopy((model, tuple(parts)))  # together, so that the parts are those of the copy
    copies = []
    with seeded(seed):
        for part in parts:
            for layer in _layers(part):
                layer.reset_parameters()
            copies.append(copy.deepcopy(model))
    return copies


@checked
def sanity_check(
    model: nn.Module, parts: Sequence[nn.Module], x: Tensor, methods: Mapping[str, Method], *, seed: int = 0
) -> dict[str, dict[int, float]]:
    """Return how far the maps of randomised copies agree with the model's own: `agreement[method][k]`, k parts redrawn.

    A method takes a model, images x (n, c, h, w) and class numbers (n,), here the model's predictions, to
    maps (n, h, w). Parts as in `randomised`, from the output down. Values
    are means over the images of `map_agreement`. Near 1: the method draws the image, not what was learnt.

    Raises what `randomised` and the methods raise. Source: Adebayo et al. (2018), arXiv:1810.03292,
    figure 2. Taught in notebook 18.
    """
    if not all(map(callable, methods.values())):
        raise TypeError(f"every method must be a function of model, images and classes, got {methods!r:.80}")
    classes = predict(model, x)
    copies = randomised(model, parts, seed=seed)
    agreement = {}
    for name, method in methods.items():
        own = method(model, x, classes)
        steps = enumerate(copies, 1)
        agreement[name] = {k: map_agreement(own, method(copy, x, classes)).mean().item() for k, copy in steps}
    return agreement


def _layers(part: nn.Module) -> list[Any]:
    return [layer for layer in part.modules() if hasattr(layer, "reset_parameters")]


@checked
def removal_curve(
    model: nn.Module, x: Tensor, classes: Tensor, maps: Tensor, *, fill: float | None = None, steps: int = 16
) -> Tensor:
    """Return the mean probability of the images' classes while their pixels are removed, strongest first: (steps + 1,).

    Images x (n, c, h, w), class numbers (n,), maps (n, h, w) that give the order. Entry k is measured with the
    share k/steps of each image's pixels painted with `fill`, or else with the image's mean colour. A map
    that names what the model uses makes the curve fall early; compare with the curves of random maps and of
    orders that know nothing of the model, since images with holes are unlike any it has seen.

    Raises ValueError when maps, images, classes and model do not fit, values are not finite, or steps are outside
    1 … 1,000,000. Source: Petsiuk et al. (2018), arXiv:1806.07421, section 4.2 (deletion). Taught in notebook 18.
    """
    check_floats(x, "images", "(n, c, h, w)")
    check_floats(maps, "maps", "(n, h, w)")
    if maps.shape != (len(x), *x.shape[2:]) or classes.shape != (len(x),):
        shapes = ", ".join(str(tuple(part.shape)) for part in (x, classes, maps))
        raise ValueError(f"need images (n, c, h, w), a class and a map (h, w) for each, got {shapes}")
    check_count("steps", steps)
    place = maps.flatten(1).argsort(dim=1, descending=True, stable=True).argsort(1).view_as(maps)[:, None]
    covered = covered_with(x, fill)
    curve = []
    for k in range(steps + 1):
        removed = torch.where(place < round(k * maps[0].numel() / steps), covered, x)
        logits = outputs(model, removed)
        check_floats(logits, "the model's output", "(n, k)")
        check_class_numbers(classes, "classes", classes=logits.shape[1])
        probability = logits.softmax(1).gather(1, classes[:, None].long())
        curve.append(probability.mean())
    return torch.stack(curve)
