"""Films: as many pictures as asked for, the camera's view in them, an alt text beside them."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from tlutils.expert import pursue
from tlutils.film import CAMERA, CAR, MAP, film, show_film
from tlutils.simulator import Simulator
from tlutils.worlds import ROAD, SIM


@pytest.fixture(scope="module")
def gif():
    return film({"expert": pursue, "blind": lambda run: 0.0}, SIM, 3, pictures=12)


def pictures(gif):
    with Image.open(io.BytesIO(gif)) as image:
        for number in range(image.n_frames):
            image.seek(number)
            yield np.asarray(image.convert("RGB")).astype(int)


def test_a_film_has_its_pictures_side_by_side_and_is_small(gif):
    shown = list(pictures(gif))
    assert len(shown) == 12 and shown[0].shape == (24 + CAMERA[1] + MAP, 2 * MAP + 8, 3)
    assert len(gif) < 300_000


def test_the_camera_shows_what_the_car_sees(gif):
    first = next(pictures(gif))[25 : 25 + CAMERA[1] : 3, 1 : CAMERA[0] : 3]
    assert np.abs(first - Simulator(SIM, 3).view()).mean() < 8


def test_the_car_is_on_every_map_and_the_expert_moves(gif):
    places = []
    for picture in pictures(gif):
        red = np.abs(picture - CAR).max(2) < 30
        red[: 24 + CAMERA[1]] = False
        assert red[:, :MAP].any() and red[:, MAP + 8 :].any()
        places.append(np.argwhere(red[:, :MAP]).mean(0))
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert np.median(steps) > 5


def test_it_loops_for_good_and_plays_on(gif):
    with Image.open(io.BytesIO(gif)) as image:
        assert image.info["loop"] == 0 and image.info["duration"] == 120


def test_noise_is_left_out_of_the_film_only():
    run = Simulator(ROAD, 0)
    sky = run.frame(noise=False)[:, 2, 20:40], run.frame()[:, 2, 20:40]
    assert sky[0].std(1).max() < 0.02 < sky[1].std(1).min()


def test_it_is_shown_with_its_text(monkeypatch, gif):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda content, raw: shown.append(content))
    show_film(gif, alt="A car & its road.")
    (content,) = shown
    picture = re.fullmatch(r'<img alt="(.*?)" src="data:image/gif;base64,(.*)">', content["text/html"])
    assert base64.b64decode(picture[2]) == gif and content["text/plain"] == "A car & its road."
    assert picture[1] == "A car &amp; its road."
    with pytest.raises(ValueError, match="alt must say"):
        show_film(gif, alt=" ")


@pytest.mark.parametrize(("drivers", "count"), [({}, 10), ({"expert": pursue}, 1)])
def test_no_driver_or_no_time_is_refused(drivers, count):
    with pytest.raises(ValueError, match="a driver and at least 2 pictures"):
        film(drivers, SIM, 0, pictures=count)
