"""The recorded drives: complete, small, the same every time, and rebuilt alike."""

import numpy as np
import pytest
import torch

from tlutils import build_driving, closed_loop
from tlutils.datasets import driving
from tlutils.store import data_dir
from tlutils.worlds import WORLDS


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize(("part", "frames"), [("train", 2400), ("test", 600)])
def test_every_world_is_recorded(name, part, frames):
    domain = driving.recorded(name, part)
    assert domain.x.shape == (frames, 3, 36, 64) and domain.y.shape == (frames, 1)
    assert domain.x.min() >= 0 and domain.x.max() <= 1 and domain.x.std() > 0.05
    assert domain.y.abs().max() <= 1 and domain.y.std() > 0.2 and domain.classes == ("steering",)
    assert domain.name == f"{name}, {part}" and len(driving.tracks(name, part)) == frames


def test_training_testing_and_driving_happen_on_different_tracks():
    sets = [set(driving.tracks("sim", part).tolist()) for part in driving.PARTS] + [set(closed_loop.TRACKS)]
    assert [len(tracks) for tracks in sets] == [8, 4, 10] and len(set.union(*sets)) == 22


def test_a_second_look_sees_the_same_noise_and_other_frames_other_noise():
    one, two = (driving.recorded("road").x[:50] for _ in range(2))
    assert torch.equal(one, two)
    sky = one[:2, :, :6]
    assert not torch.allclose(sky[0], sky[1], atol=0.01)


def test_speed_can_be_asked_for():
    domain = driving.recorded("sim", "test", outputs=("steering", "speed"))
    assert domain.y.shape == (600, 2) and 20 < domain.y[:, 1].mean() < WORLDS["sim"].speed + 2


def test_the_clockwise_city_turns_right():
    assert driving.recorded("city C").y.mean() > 0 > driving.recorded("city A").y.mean()


def test_the_embedded_file_is_small_and_as_its_card_says(capsys):
    assert (data_dir() / driving.FILE).stat().st_size <= 6e6
    assert build_driving.main(["--check"]) == 0
    assert "recorded again is the same" in capsys.readouterr().out


def test_a_changed_file_is_noticed(monkeypatch, tmp_path, capsys):
    for name in (driving.FILE, "driving.card.json"):
        (tmp_path / name).write_bytes((data_dir() / name).read_bytes())
    (tmp_path / driving.FILE).write_bytes(b"changed")
    monkeypatch.setattr(build_driving, "data_dir", lambda: tmp_path)
    assert build_driving.main(["--check"]) == 1
    assert "the card says" in capsys.readouterr().err


def test_frames_show_recoveries_and_every_label_is_the_experts():
    rows = build_driving.record(WORLDS["sim"], 100, 60)
    assert {key: len(value) for key, value in rows.items()} == {"views": 60, "steering": 60, "speed": 60}
    assert np.abs(rows["steering"]).max() > 0.2 and rows["views"].dtype == np.uint8


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("simm",), "unknown world 'simm': did you mean 'sim'"),
        (("sim", "val"), "unknown part 'val'"),
    ],
)
def test_what_does_not_exist_is_refused(arguments, words):
    for call in (driving.recorded, driving.tracks):
        with pytest.raises(ValueError, match=words):
            call(*arguments)
    with pytest.raises(ValueError, match="unknown output 'throttle'"):
        driving.recorded("sim", outputs=("throttle",))
    with pytest.raises(ValueError, match="unknown output ''"):
        driving.recorded("sim", outputs=())
    with pytest.raises(TypeError, match="outputs must be a list of texts, got str 'steering'"):
        driving.recorded("sim", outputs="steering")
