"""Checks of notebook 14: frames turned over with their steering, errors that end a drive, and what the drives show."""

from __future__ import annotations

from collections.abc import Callable, Collection

import torch
from torch import Tensor

from tlutils.check.selection import sentences
from tlutils.check.verdict import Mistake, NotYet, errors_told, function, number, right
from tlutils.evidence import stored


def turned_over(answer: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
    """Check frames and steering of which some rows are mirrored. Exercise 1 of notebook 14.

    `answer(frames, steering, turn)` takes (n, 3, h, w), (n, 1) and bool (n,). Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(14)

    def drive(n: int, height: int, width: int) -> tuple[Tensor, Tensor]:
        return torch.rand(n, 3, height, width, generator=draw), 2 * torch.rand(n, 1, generator=draw) - 1

    some = torch.tensor([True, False, False, True, True])
    cases = {
        "five frames of which three are turned": (*drive(5, 4, 6), some),
        "no frame to turn": (*drive(3, 4, 5), torch.zeros(3).bool()),
        "every frame to turn": (*drive(4, 6, 6), torch.ones(4).bool()),
        "as many rows as columns and colours": (*drive(3, 3, 3), torch.tensor([False, True, False])),
    }
    function(
        answer,
        _one_by_one,
        cases,
        mistakes=[
            Mistake(
                lambda x, y, turn: (_one_by_one(x, y, turn)[0], y),
                "the road now bends the other way, and the label still asks for the old turn. What must the pair say?",
            ),
            Mistake(
                lambda x, y, turn: (x, _one_by_one(x, y, turn)[1]),
                "the steering has changed sign, but the frames are the old ones.",
            ),
            Mistake(
                lambda x, y, turn: (_pick(turn, x.flip(2), x), _one_by_one(x, y, turn)[1]),
                "your frames stand on their heads, and nobody drives on the sky. Which dimension is the width?",
            ),
            Mistake(
                lambda x, y, turn: (_pick(turn, x.flip(2), x), y),
                "your frames stand on their heads, and nobody drives on the sky. Which dimension is the width?",
            ),
            Mistake(
                lambda x, y, turn: (x.flip(3), -y),
                "every row is turned over. `turn` says which ones.",
            ),
            Mistake(
                lambda x, y, turn: _one_by_one(x, y, ~turn),
                "the wrong rows are turned over, and the others left. What does True mean in `turn`?",
            ),
            Mistake(
                lambda x, y, turn: (_one_by_one(x, y, turn)[0], -y),
                "all labels have changed sign, also those of frames that were left as they are.",
            ),
            Mistake(
                lambda x, y, turn: (_one_by_one(x, y, turn)[0], _pick(turn, 1 - y, y)),
                "a steering of −1 (full left) becomes 2 with you. Where does the scale have its middle?",
            ),
        ],
        look="take one row by hand: a road that bends left, a steering below 0. What do you see in a mirror?",
    )
    frames, steering, turn = cases["five frames of which three are turned"]
    kept = frames.clone(), steering.clone()
    with errors_told():
        answer(frames, steering, turn)
    if not (frames.equal(kept[0]) and steering.equal(kept[1])):
        raise NotYet(
            "Not yet: the values are right, but your function writes into the tensors it was given. What becomes of a "
            "recording that is turned over again at each step?"
        )
    right("each pair is true again. From tracks that bend one way, it makes frames that bend the other.")


def share_on_the_road(answer: float) -> None:
    """Check the mean share of 300 frames on the road, each left with probability 0.01. Exercise 2 of notebook 14.

    Raises NotAttempted or NotYet.
    """
    frames, bad = 300, 0.01
    chance, before, after = 1.0, 0.0, 0.0
    for _ in range(frames):
        before += chance / frames
        chance *= 1 - bad
        after += chance / frames
    both_ways = before, after  # the frame of the first bad answer counts, or does not
    share = (before + after) / 2
    number(
        answer,
        share,
        within=0.006,
        mistakes=[
            (1 - bad, "that is the share of good answers on recorded frames, where an error has no consequence."),
            (chance, "that is how often a whole lap succeeds. Laps that end early have driven some frames as well."),
            (1 - share, "that is the share of frames off the road."),
            (1 / bad / frames, "a hundred frames pass on average before the first error, if the lap has no end. This "
             "one ends at 300."),
            (0.5, "errors do not wait for the middle of the lap. Average the probability to be on the road."),
            *((frames * way, "that is a number of frames, and a share is asked for.") for way in both_ways),
            (0, "even this car drives a while before its first error."),
        ],
        look="the probability to be on the road after 1, 2, … 300 frames, and its mean.",
    )
    right("99 of 100 on recorded frames, and less than a third of the lap: the longer the lap, the smaller the share.")


def what_the_drives_show(answer: Collection[str]) -> None:
    """Check which sentences the stored experiment `sim_to_real` supports. Exercise 3 of notebook 14.

    Raises NotAttempted or NotYet.
    """
    full = stored("sim_to_real")
    names = ("source only", "MMD", "random looks", "fine-tuned, 200 labels", "corrected, 200 labels")
    lap, error = ({name: full[name][k] for name in (*names, "oracle: all labels")} for k in ("lap", "open loop"))
    looks, tuned, oracle = "random looks", "fine-tuned, 200 labels", "oracle: all labels"
    shown = {
        "a": (error[looks] - error[tuned]).low > 0 and (lap[looks] - lap[tuned]).low > 0,
        "b": (lap["MMD"] - lap[looks]).low > 0,
        "c": False,  # the corrections also come from more tracks: the experiment does not part the two
        "d": min(error, key=lambda name: error[name].mean) == max(lap, key=lambda name: lap[name].mean),
        "e": (lap["MMD"] - lap[oracle]).low > -0.1,
    }
    sentences(
        answer,
        {letter for letter, holds in shown.items() if holds},
        {
            "a": "it holds two differences, one of errors and one of laps. Where does each interval lie?",
            "b": "the means say so. Does the interval of the difference say so, too?",
            "c": "that the corrected policy goes further is shown. In how many things do the two recordings differ? "
            "Count the tracks.",
            "d": "find the smallest error, then the longest lap. Do they belong to the same policy?",
            "e": "the sentence sets a bound and does not speak of equality. Which difference does the interval still "
            "allow, at worst?",
        },
        "a sentence that stands is missing.",
    )
    right("an interval can settle a bound where it cannot settle an order; a cause needs an experiment of its own.")


def _one_by_one(frames: Tensor, steering: Tensor, turn: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mirrored rows, column by column."""
    frames, steering = frames.clone(), steering.clone()
    width = frames.shape[3]
    for row in range(len(frames)):
        if turn[row]:
            frames[row] = torch.stack([frames[row, :, :, width - 1 - column] for column in range(width)], dim=2)
            steering[row, 0] = 0 - steering[row, 0]
    return frames, steering


def _pick(turn: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return torch.stack([x if flag else y for flag, x, y in zip(turn, a, b, strict=True)])
