"""Evidence: intervals against SciPy, repetition, and claims that can fail."""

import json
import math
import random

import numpy as np
import pytest
import torch
from scipy import stats

from tlutils import ClaimFailed, Estimate, claim, evidence, repeat, stored

RUNS = (0.71, 0.64, 0.70, 0.66, 0.75)
OTHER = (0.61, 0.52, 0.63, 0.50, 0.68)


@pytest.fixture(autouse=True)
def no_record(monkeypatch):
    monkeypatch.delenv("TLUTILS_CLAIMS", raising=False)


def student(runs):
    return stats.t.interval(0.95, len(runs) - 1, loc=np.mean(runs), scale=stats.sem(runs))


@pytest.mark.parametrize("runs", [RUNS, (0.1, 0.4), (1, 2, 3), tuple(np.linspace(0, 1, 40)), (0.5, 0.5, 0.5)])
def test_mean_and_interval_are_students(runs):
    estimate = Estimate(runs)
    assert estimate.mean == pytest.approx(np.mean(runs)) == float(estimate)
    if len(set(runs)) > 1:
        assert (estimate.low, estimate.high) == pytest.approx(student(runs))
    assert estimate.half_width == pytest.approx((estimate.high - estimate.low) / 2)


def test_a_difference_is_paired_run_by_run():
    difference = Estimate(RUNS) - Estimate(OTHER)
    paired = stats.ttest_rel(RUNS, OTHER).confidence_interval(0.95)
    assert (difference.low, difference.high) == pytest.approx((paired.low, paired.high))
    assert difference.runs == pytest.approx(np.subtract(RUNS, OTHER))


def test_subtracting_or_scaling_by_a_number_does_so_for_every_run():
    assert (Estimate(RUNS) - 0.5).runs == pytest.approx(np.array(RUNS) - 0.5)
    assert (100 * Estimate(RUNS)).runs == pytest.approx(np.array(RUNS) * 100)


def test_runs_become_plain_numbers():
    estimate = Estimate([torch.tensor(0.5), np.float32(0.25), 1])
    assert estimate.runs == (0.5, 0.25, 1.0) and all(type(run) is float for run in estimate.runs)


def test_an_estimate_formats_its_mean_and_its_interval():
    estimate = Estimate(RUNS)
    low, high = student(RUNS)
    assert f"{estimate:.0%}" == f"69% [{low:.0%}, {high:.0%}]" == "69% [64%, 75%]"
    assert f"{estimate:.2f}" == "0.69 [0.64, 0.75]"
    assert str(estimate) == repr(estimate) == "0.692 [0.638, 0.746] over 5 runs"
    assert f"{estimate}" == "0.692 [0.638, 0.746]"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Estimate(()), "at least 2 runs, got 0"),
        (lambda: Estimate((0.5,)), "at least 2 runs, got 1"),
        (lambda: Estimate((0.5, float("nan"))), "must be finite, .*got .*nan"),
        (lambda: Estimate((0.5, float("inf"))), "must be finite, .*got .*inf"),
        (lambda: Estimate(RUNS) - Estimate(RUNS[:3]), "5 runs with 3.*same seeds"),
        (lambda: repeat(lambda seed: 0.5, seeds=1), "at least 2 runs, got 1"),
        (lambda: repeat(lambda seed: 0.5, seeds=0), "at least 2 seeds"),
        (lambda: repeat(lambda seed: 0.5, seeds=[]), "at least 2 seeds"),
        (lambda: repeat(lambda seed: {"a": 1} if seed else {"a": 1, "b": 2}), "same keys"),
        (lambda: repeat(lambda seed: {"a": {"b" if seed else "c": 1}}), "same keys"),
        (lambda: repeat(lambda seed: 1.0 if seed else {"a": 1}), "same keys"),
        (lambda: repeat(lambda seed: float("nan")), "must be finite"),
    ],
)
def test_what_cannot_be_estimated_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_repeat_gathers_numbers():
    assert repeat(lambda seed: seed / 10).runs == pytest.approx((0, 0.1, 0.2, 0.3, 0.4))
    assert repeat(lambda seed: seed, seeds=3).runs == (0, 1, 2)
    assert repeat(lambda seed: seed, seeds=(7, 5)).runs == (7, 5)
    assert repeat(lambda seed: seed, seeds=iter([7, 5])).runs == (7, 5)


def test_repeat_gathers_dicts_of_any_depth_in_their_form():
    result = repeat(lambda seed: {"a": seed, "b": {1: 10 * seed, 5: {"deep": -seed}}}, seeds=2)
    assert list(result) == ["a", "b"] and list(result["b"]) == [1, 5]
    assert result["a"].runs == (0, 1) and result["b"][1].runs == (0, 10) and result["b"][5]["deep"].runs == (0, -1)


@pytest.mark.parametrize(
    "draw", [random.random, np.random.rand, lambda: torch.rand(1).item()], ids=["random", "numpy", "torch"]
)
def test_every_run_is_freshly_seeded(draw):
    first = repeat(lambda seed: draw(), seeds=[3, 4, 3])
    draw()
    assert first.runs == repeat(lambda seed: draw(), seeds=[3, 4, 3]).runs
    assert first.runs[0] == first.runs[2] != first.runs[1]


@pytest.mark.parametrize(
    ("measured", "bounds", "text"),
    [
        (0.93, {"at_least": 0.7}, "holds: it works (measured 0.93, at least 0.7)"),
        (0.7, {"at_least": 0.7}, "holds: it works (measured 0.7, at least 0.7)"),
        (0.12345, {"at_most": 0.2}, "holds: it works (measured 0.123, at most 0.2)"),
        (5, {"at_least": 1, "at_most": 5}, "holds: it works (measured 5, at least 1, at most 5)"),
        (0.0, {"at_most": 0}, "holds: it works (measured 0, at most 0)"),
        (Estimate(RUNS), {"at_least": 0.69}, "holds: it works (measured 0.692 [0.638, 0.746], at least 0.69)"),
        (torch.tensor(0.5), {"at_least": 0.5}, "holds: it works (measured 0.5, at least 0.5)"),
    ],
)
def test_a_claim_that_holds_is_printed(capsys, measured, bounds, text):
    assert claim("it works", measured, **bounds) is None
    assert capsys.readouterr().out == text + "\n"


@pytest.mark.parametrize(
    ("measured", "bounds"),
    [
        (0.69, {"at_least": 0.7}),
        (0.71, {"at_most": 0.7}),
        (6, {"at_least": 1, "at_most": 5}),
        (0.5, {"at_least": 1, "at_most": 5}),
        (float("nan"), {"at_least": 0.0}),
        (float("nan"), {"at_most": 1.0}),
        (float("nan"), {"at_least": 0.0, "at_most": 1.0}),
        (-0.1, {"at_least": 0}),
        (0.5, {"at_least": float("nan")}),
        (Estimate(RUNS), {"at_least": 0.7}),
    ],
)
def test_a_claim_that_does_not_hold_stops_the_run_and_leaves_no_trace(capsys, monkeypatch, tmp_path, measured, bounds):
    monkeypatch.setenv("TLUTILS_CLAIMS", str(tmp_path / "claims"))
    with pytest.raises(ClaimFailed, match=r"^does not hold: it works \(measured .*at (least|most)") as caught:
        claim("it works", measured, **bounds)
    assert f"{measured:.3g}" in str(caught.value)
    assert capsys.readouterr().out == "" and not (tmp_path / "claims").exists()


def test_a_claim_without_bound_is_refused():
    with pytest.raises(ValueError, match="'it works' needs a bound"):
        claim("it works", 1.0)


def test_claims_are_appended_to_the_report_as_lines_of_json(monkeypatch, tmp_path):
    file = tmp_path / "claims.jsonl"
    monkeypatch.setenv("TLUTILS_CLAIMS", str(file))
    claim("迁移 helps", Estimate(RUNS), at_least=0.6)
    claim("it is quick", torch.tensor(0.5), at_most=1, at_least=0)
    first, second = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    low, high = student(RUNS)
    assert first == {
        "claim": "迁移 helps",
        "mean": pytest.approx(0.692),
        "runs": list(RUNS),
        "at_least": 0.6,
        "at_most": None,
        "low": pytest.approx(low),
        "high": pytest.approx(high),
    }
    assert second == {"claim": "it is quick", "mean": 0.5, "runs": [0.5], "at_least": 0, "at_most": 1}
    assert "迁移" in file.read_text(encoding="utf-8")


def test_an_estimate_is_a_value_that_cannot_be_changed():
    with pytest.raises(AttributeError):
        Estimate(RUNS).runs = OTHER
    assert Estimate(RUNS) == Estimate(list(RUNS)) != Estimate(OTHER) and len({Estimate(RUNS), Estimate(RUNS)}) == 1


def test_very_small_figures_are_written_with_an_exponent():
    assert f"{Estimate((1e-7, 3e-7))}".startswith("2e-07 [")


def test_repeat_keeps_the_order_of_the_first_run():
    assert list(repeat(lambda seed: {"a": 1, "b": 2} if seed == 0 else {"b": 2, "a": 1}, seeds=2)) == ["a", "b"]


@pytest.fixture
def store(monkeypatch, tmp_path):
    monkeypatch.setattr(evidence, "data_dir", lambda: tmp_path)
    return lambda content: (tmp_path / "experiments.json").write_bytes(
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    )


def test_stored_figures_come_back_as_estimates_in_their_form(store):
    store({"迁移": {"seconds": 3, "runs": {"a": [1, 2], "by shots": {"5": [3, 4], "all": [5, 6]}}}})
    by_shots = {5: Estimate((3, 4)), "all": Estimate((5, 6))}
    assert stored("迁移") == {"a": Estimate((1, 2)), "by shots": by_shots}
    assert evidence.stored_experiments()["迁移"]["seconds"] == 3


def test_an_experiment_that_is_not_stored_is_refused_with_the_nearest_name(store):
    store({"few_labels": {}, "other": {}})
    words = r"^unknown stored experiment 'few_label': did you mean 'few_labels'\? known are few_labels, other$"
    with pytest.raises(ValueError, match=words):
        stored("few_label")


def test_without_a_file_nothing_is_stored(store):
    assert evidence.stored_experiments() == {}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Estimate(0.5), "needs a list of runs, got 0.5"),
        (lambda: Estimate(torch.tensor(0.5)), "needs a list of runs, got tensor"),
        (lambda: Estimate((0.5, "0.6")), "every run must be a number, got '0.6'"),
        (lambda: repeat(0.5), "repeat: experiment must be a function, got float"),
        (lambda: claim("it works", "0.9", at_least=0), "measured value of the claim 'it works' must be .* got '0.9'"),
        (lambda: claim("it works", None, at_least=0), "measured value of the claim 'it works' must be .* got None"),
        (lambda: claim("it works", 0.9, at_least="0"), "at least of the claim 'it works' must be a number, got '0'"),
        (lambda: claim("it works", 0.9, at_least=0, at_most="1"), "at most of the claim 'it works' must be .* got '1'"),
        (lambda: stored(1), "stored: name must be a text, got int"),
    ],
)
def test_an_argument_of_the_wrong_type_is_named(make, words):
    with pytest.raises(TypeError, match=words):
        make()


def test_any_sequence_of_numbers_makes_an_estimate():
    for runs in ([0.5, 0.25], (x for x in (0.5, 0.25)), np.array([0.5, 0.25]), torch.tensor([0.5, 0.25])):
        assert Estimate(runs).runs == (0.5, 0.25)


def test_runs_are_held_to_what_can_be_squared():
    assert np.isfinite(Estimate((1e150, -1e150)).half_width)
    for run in (1.01e150, -1.01e150, 10**400, -(10**400), torch.tensor(math.inf), np.float32(math.inf)):
        with pytest.raises(ValueError, match=r"at most 1e\+150, got"):
            Estimate((0.5, run))
