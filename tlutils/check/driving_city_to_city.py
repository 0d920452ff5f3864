"""Checks of notebook 15: how far weights reach, a remedy for each city, and a choice that leaves the new city out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from statistics import fmean

import torch
from torch import Tensor

from tlutils.check.selection import names
from tlutils.check.verdict import Mistake, function, right

Laps = Mapping[float, Mapping[str, list[float]]]  # by weight of the penalty, then by city


def reach_of_weights(answer: Callable[[Tensor, Tensor, Tensor], tuple[float, float]]) -> None:
    """Check what weighted frames are worth, and the share that no weight reaches. Exercise 1 of notebook 15.

    `answer(source, target, edges)` takes steering (n,), (m,) and borders (k,). Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(15)

    def steering(n: int, low: float = -1, high: float = 1) -> Tensor:
        return low + (high - low) * torch.rand(n, generator=draw)

    eighths = torch.linspace(-1, 1, 9)[1:-1]
    same = steering(60)
    cases = {
        "a source that turns left more, a target that turns right more": (
            torch.cat([steering(150), steering(90, -1, 0)]),
            torch.cat([steering(60), steering(60, 0, 1)]),
            eighths,
        ),
        "the same steering on both sides": (same, same.clone(), eighths),
        "a source without sharp right turns": (steering(120, -1, 0.4), steering(80), eighths),
        "bins that are empty on both sides": (steering(70, -0.2, 0.9), steering(50, -0.1, 0.6), eighths),
        "two bins, ten frames": (torch.tensor([-0.5] * 9 + [0.5]), torch.tensor([-0.5, 0.5, 0.5]), torch.zeros(1)),
    }
    function(
        answer,
        _reach,
        cases,
        tolerance=1e-3,
        mistakes=[
            Mistake(
                lambda s, t, e: (_worth(s, t, e, lambda need, have: have / need if need else 0), _reach(s, t, e)[1]),
                "frames that the target asks for seldom get large weights with you. Which share stands on top?",
            ),
            Mistake(
                lambda s, t, e: (_worth(s, t, e, lambda need, have: need), _reach(s, t, e)[1]),
                "your weight is the target's share alone, so a turn that is frequent at the source is counted twice.",
            ),
            Mistake(
                lambda s, t, e: (_reach(s, t, e)[0] / len(s), _reach(s, t, e)[1]),
                "your worth is a share of the source's frames. Their number is asked for.",
            ),
            Mistake(
                lambda s, t, e: (sum(w > 0 for w in _weights(s, t, e, _ratio)), _reach(s, t, e)[1]),
                "your worth counts frames that may be drawn at all. What if one of them is drawn nearly always?",
            ),
            Mistake(
                lambda s, t, e: (_reach(s, t, e)[0], _reach(t, s, e)[1]),
                "your missed share is that of source frames which the target does not want. Who misses what?",
            ),
            Mistake(
                lambda s, t, e: (_reach(s, t, e)[0], _empty_bins(s, t, e) / (len(e) + 1)),
                "your missed share counts bins. How many of the target's frames lie in each?",
            ),
            Mistake(
                lambda s, t, e: (_reach(s, t, e)[0], _reach(s, t, e)[1] * len(t)),
                "your missed share is a number of frames. Of how many?",
            ),
            Mistake(
                lambda s, t, e: (_effective(_by_bin(s, t, e, _ratio).values()), _reach(s, t, e)[1]),
                "your sums have one weight for each bin. How many frames carry that weight?",
            ),
            Mistake(
                lambda s, t, e: _reach(s, t, e)[::-1],
                "the worth comes first, then the missed share.",
            ),
        ],
        look="'A shift of the labels' in notebook 15; two bins and ten frames, by hand.",
    )
    right("weights repeat what is there: few frames carry most of them, and what was not recorded stays out of reach.")


def remedy_for_each_city(answer: Mapping[str, str]) -> None:
    """Check which of four remedies fits each of four cities. Exercise 2 of notebook 15.

    Raises NotAttempted or NotYet.
    """
    names(
        answer,
        {"north": "match", "east": "draw", "south": "mirror", "west": "label"},
        ("match", "draw", "mirror", "label"),
        {
            ("north", "draw"): "its steering is distributed as at home. What would drawing by it change?",
            ("north", "mirror"): "a mirror changes the side of each turn. Was there anything wrong with the sides?",
            ("east", "mirror"): "sharp left turns would become frequent where right ones were rare. Home has right "
            "ones: is anything but their number amiss?",
            ("south", "draw"): "drawing repeats what was recorded. What is there to repeat?",
            ("west", "draw"): "turns are as frequent as at home. Does drawing change what a picture asks for?",
            ("west", "mirror"): "a mirrored frame still asks for what it asks at home. Does this city ask for that?",
            ("west", "match"): "the pictures are alike already, and a policy reads nothing but pictures. What differs "
            "cannot be seen on them.",
            ("match",): "the pictures look alike already, and how often people turn is another matter. The last "
            "sections of notebook 04 tell what matching does then.",
            ("label",): "labels would serve, but they cost a drive, and what is known of this city allows a remedy "
            "without any. Which?",
        },
    )
    right("ask first what changed: frames, steering, or the steering for a given frame. The remedy follows from that.")


def weight_for_a_new_city(answer: Callable[[Laps, str], float]) -> None:
    """Check a choice by the known cities, each counting the same. Exercise 3 of notebook 15.

    `answer(laps, new)` takes laps by weight, then by city. Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(15)

    def table(drives: Mapping[str, int]) -> Laps:
        weights = 0.0, 0.1, 1.0, 10.0
        return {w: {city: torch.rand(n, generator=draw).tolist() for city, n in drives.items()} for w in weights}

    many = {"A": 9, "B": 1, "C": 3, "D": 2}
    cases: dict = {f"laps drawn by chance, table {i}": (table(many), "ABCD"[i % 4]) for i in range(12)}
    cases["one known city and a new one"] = (table({"Lund": 3, "Kyoto": 2}), "Kyoto")

    def by(score: Callable[[Mapping[str, list[float]], str], float]) -> Callable[[Laps, str], float]:
        return lambda laps, new: max(laps, key=lambda weight: score(laps[weight], new))

    function(
        answer,
        _best_of_known,
        cases,
        mistakes=[
            Mistake(
                by(lambda cities, new: fmean(cities[new])),
                "the choice follows the drives in the new city. Were they at hand before, it would not be new.",
            ),
            Mistake(
                by(lambda cities, new: fmean(fmean(drives) for drives in cities.values())),
                "the new city still takes part: change its laps alone, and your choice changes.",
            ),
            Mistake(
                by(lambda cities, new: fmean(_together(cities.values()))),
                "the new city still takes part: change its laps alone, and your choice changes.",
            ),
            Mistake(
                by(lambda cities, new: fmean(_together(drives for city, drives in cities.items() if city != new))),
                "a city with nine drives counts nine times as much as one with a single drive. Which mean comes first?",
            ),
            Mistake(
                by(lambda cities, new: sum(_together(drives for city, drives in cities.items() if city != new))),
                "a city with nine drives counts nine times as much as one with a single drive. Which mean comes first?",
            ),
            Mistake(
                by(lambda cities, new: min(fmean(drives) for city, drives in cities.items() if city != new)),
                "that is the weight whose worst city is best, a careful choice. Asked for is the mean over cities.",
            ),
            Mistake(
                by(lambda cities, new: max(_together(drives for city, drives in cities.items() if city != new))),
                "one lucky drive decides. Take means.",
            ),
            Mistake(
                lambda laps, new: min(laps, key=lambda w: fmean(fmean(d) for c, d in laps[w].items() if c != new)),
                "you take the weight that drives least far. A longer lap is better.",
            ),
            Mistake(
                lambda laps, new: max(fmean(fmean(d) for c, d in laps[w].items() if c != new) for w in laps),
                "that is how far the best weight drives. Asked for is the weight itself.",
            ),
        ],
        look="leave the new city out, take the mean of each other city's drives, then the mean of those.",
    )
    right("each known city plays the new one once. The report on the new city is still unread, so it can be believed.")


def _bin(y: float, edges: Tensor) -> int:
    return sum(y > edge for edge in edges.tolist())


def _shares(steering: Tensor, edges: Tensor) -> dict[int, float]:
    """Return the share of frames by bin, without the bins that are empty."""
    places = [_bin(y, edges) for y in steering.tolist()]
    return {place: places.count(place) / len(places) for place in set(places)}


def _ratio(need: float, have: float) -> float:
    return need / have


def _by_bin(source: Tensor, target: Tensor, edges: Tensor, rule: Callable[[float, float], float]) -> dict[int, float]:
    need = _shares(target, edges)
    return {place: rule(need.get(place, 0), have) for place, have in _shares(source, edges).items()}


def _weights(source: Tensor, target: Tensor, edges: Tensor, rule: Callable[[float, float], float]) -> list[float]:
    by_bin = _by_bin(source, target, edges, rule)
    return [by_bin[_bin(y, edges)] for y in source.tolist()]


def _worth(source: Tensor, target: Tensor, edges: Tensor, rule: Callable[[float, float], float] = _ratio) -> float:
    return _effective(_weights(source, target, edges, rule))


def _effective(weights: Collection[float]) -> float:
    return sum(weights) ** 2 / sum(w * w for w in weights)


def _reach(source: Tensor, target: Tensor, edges: Tensor) -> tuple[float, float]:
    """Return worth and missed share, frame by frame."""
    present = {_bin(y, edges) for y in source.tolist()}
    return _worth(source, target, edges), fmean(_bin(y, edges) not in present for y in target.tolist())


def _empty_bins(source: Tensor, target: Tensor, edges: Tensor) -> int:
    return len({_bin(y, edges) for y in target.tolist()} - {_bin(y, edges) for y in source.tolist()})


def _together(lists: Iterable[list[float]]) -> list[float]:
    return [value for values in lists for value in values]


def _best_of_known(laps: Laps, new: str) -> float:
    best, weight = -1.0, 0.0
    for candidate, cities in laps.items():
        known = [sum(drives) / len(drives) for city, drives in cities.items() if city != new]
        if sum(known) / len(known) > best:
            best, weight = sum(known) / len(known), candidate
    return weight
