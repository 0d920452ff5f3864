"""Stored experiments: present, complete, and written without losing the others."""

import json
import math

import pytest

from tlutils import Estimate, digit_experiments, evidence, experiments, fit, photo_experiments, stored
from tlutils.datasets import digits, photos


@pytest.mark.parametrize("name", experiments.EXPERIMENTS)
def test_every_experiment_is_stored_with_its_command_and_all_seeds(name):
    entry = evidence.stored_experiments()[name]
    assert entry["command"] == f"python -m tlutils.experiments {name}"

    def leaves(results):
        return [results] if isinstance(results, Estimate) else [e for r in results.values() for e in leaves(r)]

    assert all(len(estimate.runs) == experiments.SEEDS for estimate in leaves(stored(name)))


def test_label_counts_come_back_as_numbers():
    assert list(stored("few_labels")["scratch"]) == list(photo_experiments.LABELS)


def test_an_unknown_experiment_suggests_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'adaptation'"):
        stored("adaption")


def test_measuring_one_experiment_keeps_the_others(tmp_path, monkeypatch):
    path = tmp_path / "experiments.json"
    path.write_text(json.dumps({"old": {"runs": {"a": [1, 2]}}}))
    for module in (experiments, evidence):
        monkeypatch.setattr(module, "experiments_file", lambda: path)
    monkeypatch.setitem(experiments.EXPERIMENTS, "tiny", lambda seed: {"x": {"5": seed / 10}})
    experiments.measure("tiny")
    assert stored("old")["a"].runs == (1, 2)
    assert stored("tiny")["x"][5].runs == (0, 0.1, 0.2, 0.3, 0.4)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["adaptation", "objective", "adversaries", "few_labels", "listing"])
def test_an_experiment_in_a_short_form_gives_what_the_long_one_stored(name, monkeypatch, tmp_path):
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    module = photo_experiments if name in ("few_labels", "listing") else digit_experiments
    monkeypatch.setattr(module, "fit", two_steps)
    printed, surfaces = digits.printed, photos.surfaces
    monkeypatch.setattr(digits, "printed", lambda n, seed: printed(300, seed))
    monkeypatch.setattr(photos, "surfaces", lambda part: surfaces(part, per_class=50 if part == "train" else 3))

    def names(results):
        return {key: names(value) for key, value in results.items()} if isinstance(results, dict) else None

    results = experiments.EXPERIMENTS[name](0)
    assert names(results) == names(evidence.stored_experiments()[name]["runs"])
    assert all(math.isfinite(value) for value in numbers(results))


def two_steps(*given, epochs=None, steps=None, **settings):
    return fit(*given, steps=2, **settings)


def numbers(results):
    return [n for value in results.values() for n in numbers(value)] if isinstance(results, dict) else [results]
