"""Stored experiments: present, complete, and written without losing the others."""

import json

import pytest

from tlutils import Estimate, evidence, experiments, photo_experiments, stored


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
