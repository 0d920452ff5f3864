"""Checks of notebook 03: the three settings told apart, errors that transfer removes, and comparisons that are fair."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from tlutils.check.selection import names, sentences
from tlutils.check.verdict import Mistake, function, right

SETTINGS = ("inductive", "transductive", "unsupervised", "none")

Runs = Sequence[float]


def settings_of_transfer(answer: Mapping[str, str]) -> None:
    """Check which setting of transfer each of six plans is. Exercise 1 of notebook 03.

    Raises NotAttempted or NotYet.
    """
    names(
        answer,
        {
            "a": "inductive",
            "b": "transductive",
            "c": "unsupervised",
            "d": "none",
            "e": "inductive",
            "f": "transductive",
        },
        SETTINGS,
        {
            ("d", "inductive"): "which second task is there? And would a random draw from one pile be a second domain?",
            ("d", "transductive"): "the test mail has no labels while the filter learns, as in any test. Do its inputs "
            "come from another distribution?",
            ("d", "unsupervised"): "the mail that the filter learns from does have labels.",
            ("e", "unsupervised"): "the source has no labels, true. And what may the target's learner use?",
            ("e", "transductive"): "is there a task with labels in the source that could be the same one?",
            ("f", "unsupervised"): "one of the two piles has labels that are used for learning. Which one?",
            ("f", "inductive"): "labels that serve the final score alone teach nothing. Who else has labels?",
            ("c", "transductive"): "which of the two archives has labels to learn from?",
            ("c", "inductive"): "does anybody have a label to learn from?",
            ("inductive",): "is the question that the model answers another one in the target, and are there target "
            "labels to learn it from? Both would have to hold.",
            ("transductive",): "is the same question asked in both domains, and has the source the answers?",
            ("unsupervised",): "no label may be learnt from, in neither domain. Does that hold here?",
            ("none",): "two domains or two tasks are named here. What differs?",
        },
    )
    right("ask who has labels to learn from, then whether the question is the same; the network does not matter.")


def errors_removed(answer: Callable[[Runs, Mapping[str, Runs]], tuple[str, float]]) -> None:
    """Check the share of the best baseline's errors that transfer removes. Exercise 2 of notebook 03.

    `answer(transfer, baselines)` takes accuracies, seed by seed, and returns the baseline's name and the share. Raises
    NotAttempted or NotYet.
    """
    scratch, untrained = [0.60, 0.72, 0.57, 0.66], [0.44, 0.40, 0.47, 0.41]
    cases = {
        "transfer that helps": ([0.82, 0.85, 0.80, 0.89], {"untrained": untrained, "scratch": scratch}),
        "transfer that hurts": ([0.55, 0.50, 0.52], {"scratch": [0.70, 0.61, 0.73], "majority": [0.3, 0.3, 0.3]}),
        "baselines that take turns": (
            [0.90, 0.95, 0.97],
            {"small": [0.80, 0.72, 0.78], "large": [0.70, 0.90, 0.85], "untrained": [0.5, 0.5, 0.5]},
        ),
        "a baseline with one lucky run": (
            [0.80, 0.84, 0.82, 0.86],
            {"lucky": [0.40, 0.95, 0.45, 0.40], "steady": [0.70, 0.70, 0.50, 0.50], "usual": [0.10, 0.61, 0.64, 0.63]},
        ),
        "one baseline": ([0.75, 0.95], {"scratch": [0.50, 0.80]}),
    }
    function(
        answer,
        _removed,
        cases,
        mistakes=[
            Mistake(
                lambda transfer, baselines: _against(transfer, baselines, _best(baselines, worst=True)),
                "the weakest baseline is always there to be beaten. Against which one does a gain mean something?",
            ),
            Mistake(
                lambda transfer, baselines: _against(transfer, baselines, next(iter(baselines))),
                "the first baseline is taken, whichever that is.",
            ),
            Mistake(
                lambda transfer, baselines: _against(
                    transfer, baselines, max(baselines, key=lambda name: max(baselines[name]))
                ),
                "the baseline with the single best run is taken. Is it the hardest to beat over all seeds?",
            ),
            Mistake(
                lambda transfer, baselines: (
                    _best(baselines),
                    _errors(transfer) / _errors(baselines[_best(baselines)]),
                ),
                "that is the share of errors that is left.",
            ),
            Mistake(
                lambda transfer, baselines: (
                    _best(baselines),
                    _errors(baselines[_best(baselines)]) / _errors(transfer) - 1,
                ),
                "you divide by the errors that transfer makes. Whose errors are removed?",
            ),
            Mistake(
                lambda transfer, baselines: (_best(baselines), sum(transfer) / sum(baselines[_best(baselines)]) - 1),
                "you divide by what the baseline gets right. How many of its *errors* are gone?",
            ),
            Mistake(
                lambda transfer, baselines: (
                    _best(baselines),
                    (sum(transfer) - sum(baselines[_best(baselines)])) / len(transfer),
                ),
                "that is the gain in accuracy. Of how many errors is it a share?",
            ),
            Mistake(
                lambda transfer, baselines: (_best(baselines), _mean_of_ratios(transfer, baselines[_best(baselines)])),
                "a seed with few errors counts as much as one with many. Add up the errors over all seeds before you "
                "divide.",
            ),
            Mistake(
                lambda transfer, baselines: (
                    _best(baselines),
                    1 - _errors(transfer) / _errors([max(runs) for runs in zip(*baselines.values(), strict=True)]),
                ),
                "the best baseline is picked anew for every seed, and such a learner does not exist: nobody knows "
                "before the test which one will be lucky.",
            ),
        ],
        look="first one baseline, by its mean over all seeds; then its errors, and what transfer leaves of them.",
    )
    right("your shares agree with counting errors seed by seed, also where transfer adds some.")


def unfair_comparisons(answer: Collection[str]) -> None:
    """Check which differences may not be put down to pretraining alone. Exercise 3 of notebook 03.

    Raises NotAttempted or NotYet.
    """
    sentences(
        answer,
        {"b", "d", "e"},
        {
            "a": "the rates differ, but how was each of them found? Must the number be the same, or the care?",
            "b": "count what differs between the two: the weights at the start, and what else?",
            "c": "two networks that stay frozen seem a strange pair. What differs between them, and what does not?",
            "d": "the rate is the same. For whom was it chosen, and does a start from noise get a rate that suits it?",
            "e": "which patches decided when to stop, and for whom?",
        },
        "a difference that pretraining alone cannot account for is missing.",
    )
    right("a fair baseline gets the same network, data and care, and the same care need not give the same numbers.")


def _removed(transfer: Runs, baselines: Mapping[str, Runs]) -> tuple[str, float]:
    """Count errors of 10,000 imagined rows, seed by seed."""
    from fractions import Fraction

    counted = {name: sum(round(10_000 * (1 - run)) for run in runs) for name, runs in baselines.items()}
    fewest = sorted(counted, key=counted.__getitem__)[0]
    left = sum(round(10_000 * (1 - run)) for run in transfer)
    return fewest, float(Fraction(counted[fewest] - left, counted[fewest]))


def _against(transfer: Runs, baselines: Mapping[str, Runs], name: str) -> tuple[str, float]:
    return name, 1 - _errors(transfer) / _errors(baselines[name])


def _best(baselines: Mapping[str, Runs], *, worst: bool = False) -> str:
    return sorted(baselines, key=lambda name: sum(baselines[name]), reverse=not worst)[0]


def _errors(runs: Runs) -> float:
    return sum(1 - run for run in runs)


def _mean_of_ratios(transfer: Runs, baseline: Runs) -> float:
    return sum(1 - (1 - a) / (1 - b) for a, b in zip(transfer, baseline, strict=True)) / len(baseline)
