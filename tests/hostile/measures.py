"""Attacks on the distances, adversaries, scores, estimates and criteria."""

from hostile.kit import (
    Attack,
    class_numbers,
    classifier,
    domains,
    flags,
    functions,
    names,
    numbers,
    shares_of,
    tensors,
    values,
)

import tlutils as tl
from tlutils import adversary, discrepancy, evidence


def adversary_on(*samples, **settings):
    """Build an adversary and call it once."""
    return tl.DomainAdversary(**settings)(*samples)


A, B = tensors(6, 3), tensors(5, 3)
ATTACKS = {
    "discrepancy.mmd": Attack(tl.mmd, (A, B), {"bandwidth": numbers(1.0, 0.5)}),
    "discrepancy.coral": Attack(tl.coral, (A, B)),
    "discrepancy.sliced_wasserstein": Attack(tl.sliced_wasserstein, (A, B), {"projections": numbers(1, 8)}),
    "discrepancy.proxy_a_distance": Attack(tl.proxy_a_distance, (A, B), examples=15),
    "discrepancy.covariance": Attack(discrepancy.covariance, (A,)),
    "discrepancy.checked_pair": Attack(discrepancy.checked_pair, (A, B)),
    "adversary.scale_gradient": Attack(adversary.scale_gradient, (A, numbers(1.0, 2.0)), finite=False),
    "adversary.reverse_gradient": Attack(tl.reverse_gradient, (A, numbers(1.0)), finite=False),
    "adversary.DomainAdversary": Attack(
        tl.DomainAdversary, (numbers(3),), {"classes": numbers(2), "entropy": flags(), "hidden": numbers(4)}
    ),
    "transferability.logme": Attack(tl.logme, (A, class_numbers(6, 2))),
    "transferability.h_score": Attack(tl.h_score, (A, class_numbers(6, 2))),
    "transferability.leep": Attack(tl.leep, (shares_of(6, 3), class_numbers(6, 2))),
    "transferability.nce": Attack(tl.nce, (class_numbers(6, 3), class_numbers(6, 2))),
    "evidence.Estimate": Attack(
        tl.Estimate, (values([(1.0, 2.0), [0.5, 0.25, 1]], [(1.0,), (1, float("nan")), ("a", "b"), 3.0]),)
    ),
    "evidence.repeat": Attack(
        tl.repeat, (functions(float, lambda seed: {"a": seed}), values([2, 3, (4, 5)], [0, 1, -3, [1, 1.5]]))
    ),
    "evidence.claim": Attack(
        tl.claim, (names("it holds"), numbers(1.0)), {"at_least": numbers(0.5), "at_most": numbers(2)}
    ),
    "evidence.stored": Attack(tl.stored, (names("few_labels"),)),
    "evidence.stored_experiments": Attack(evidence.stored_experiments),
    "evidence.experiments_file": Attack(evidence.experiments_file),
    "select.reverse_validation": Attack(
        tl.reverse_validation,
        (functions(lambda source, target: classifier()), domains(), domains()),
        {"seed": numbers(0, 1)},
    ),
    "select.choose": Attack(
        tl.choose, (values([{"a": 1.0, "b": 2}], [{"a": float("nan")}, {"a": "x"}, {"a": None}]),)
    ),
    "select.KeepBest": Attack(tl.KeepBest, (functions(lambda model: 1.0),)),
}
EXEMPT = {"evidence.ClaimFailed": "an error"}
