"""What is read off the experiments of notebook 16: gains, hits, and the guard's balance."""

import pytest
import torch

from tlutils import Estimate, methods, stored
from tlutils import transfer_tables as tables
from tlutils.transfer_experiments import ALONE, VALIDATION


def flat(value):
    return Estimate((value - 0.01, value, value + 0.01))


def test_a_table_has_a_row_for_every_method_but_the_baseline():
    scores = {"x": {name: flat(0.5) for name in (*methods.METHODS, ALONE)}}
    scores["x"]["MMD"], scores["x"]["CORAL"] = flat(0.7), flat(0.2)
    table = tables.gains_over("source only", scores)
    assert list(table) == [name for name in methods.METHODS if name != "source only"]
    assert table["MMD"]["x"].gain.mean == pytest.approx(0.2)
    assert "source only" in tables.gains_over(ALONE, scores)
    assert tables.count(table, "helps")["MMD"] == tables.count(table, "hurts")["CORAL"] == 1
    assert sum(tables.count(table, "helps").values()) == 1


def row(forecast, accuracy):
    return {"forecast": {"blind": forecast}, "accuracy": {"source only": accuracy, "MMD": 0.5}}


def test_sources_are_compared_two_by_two_the_higher_forecast_first():
    results = {"a → t": row(0.2, 0.9), "b → t": row(0.5, 0.7), "c → t": row(0.3, 0.6), "a → u": row(0.9, 0.9)}
    results |= {"a → t, uneven": row(0.9, 0.1), "b → u": row(0.1, 0.2)}
    found = tables.comparisons(results, "blind", tables.source_accuracy)
    assert list(found) == ["t", "u"]
    expected = {"b over a, to t": (0.3, -0.2), "c over a, to t": (0.1, -0.3), "b over c, to t": (0.2, 0.1)}
    assert found["t"].keys() == expected.keys()
    for name, point in expected.items():
        assert found["t"][name] == pytest.approx(point)
    assert tables.hit_rate(results, "blind", tables.source_accuracy).runs == pytest.approx((1 / 3, 1))
    assert tables.hit_rate(results, "blind", tables.gain_of_mmd).runs == pytest.approx((2 / 3, 0))


def test_the_balance_of_the_guard_is_counted_against_never_transferring():
    def pair(won, lost):
        sizes = ("always", *VALIDATION)
        return {
            "won": dict(zip(sizes, won, strict=True)),
            "lost": dict(zip(sizes, lost, strict=True)),
            "labels in training": {n: 0.6 for n in VALIDATION},
            "accuracy": {ALONE: 0.5},
        }

    results = {"p": pair((0.10, 0.0, 0.05, 0.1), (0.3, 0.1, 0.0, 0.0)), "q": pair((0.2,) * 4, (0.0,) * 4)}
    found = tables.policies(results)
    assert found["transfer always"].runs == pytest.approx((-20, 20))
    assert found["guard, 30 labels"].runs == pytest.approx((5, 20))
    assert found["100 more in training"].runs == pytest.approx((10, 10))
    saved, cost = tables.saved_and_cost(
        {k: {a: {b: flat(c) for b, c in v[a].items()} for a in ("won", "lost")} for k, v in results.items()}, 30
    )
    assert saved.runs == pytest.approx((30, 0)) and cost.runs == pytest.approx((5, 0))


def test_the_worse_model_is_elected_less_often_with_more_labels():
    labels = torch.zeros(1000).long()
    generator = torch.Generator().manual_seed(0)
    guesses = {
        name: (torch.rand(1000, generator=generator) > share).long() for name, share in (("new", 0.8), ("alone", 0.7))
    }
    torch.manual_seed(0)
    often = [tables.elects_worse(guesses, labels, size) for size in (5, 50, 1000)]
    assert 0.2 < often[0] and often[0] > often[1] > often[2] == 0


def test_what_is_stored_can_be_read():
    real = stored("real_pairs")
    table = tables.gains_over("source only", {name: pair["accuracy"] for name, pair in real.items()})
    assert all(len(cells) == len(real) for cells in table.values())
    assert len(tables.hit_rate(real, "few labels", tables.source_accuracy).runs) == 9
    assert len(tables.policies(real)) == 7
