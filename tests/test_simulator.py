"""Worlds, camera, simulator, expert: against ray casting, named bugs and wrong input."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tlutils import camera, simulator
from tlutils.expert import pursue
from tlutils.simulator import Simulator, drive, speed_control
from tlutils.worlds import ROAD, SIM, WORLDS, sense, world

ROOT = Path(__file__).resolve().parent.parent


def straight_on(run):
    return 0.0


# ---------------------------------------------------------------- camera


def ray_cast(polygons, colours, position, angle, place):
    """Return the view pixel by pixel: where the ray meets the ground, and which polygon lies there."""

    def inside(point, corners):
        turns = [
            (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
            for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)
        ]
        return all(t >= 0 for t in turns) or all(t <= 0 for t in turns)

    picture = np.empty((camera.HEIGHT, camera.WIDTH, 3))
    look = angle - np.deg2rad(place.yaw)
    eye = position + place.lateral * np.array([np.cos(angle), np.sin(angle)])
    for row in range(camera.HEIGHT):
        below = row + 0.5 - camera.HEIGHT * place.horizon
        for column in range(camera.WIDTH):
            picture[row, column] = place.sky
            if below <= 0:
                continue
            ahead = camera.FOCAL * place.height / below
            side = (column + 0.5 - camera.WIDTH / 2) * ahead / camera.FOCAL
            ground = eye + side * np.array([np.cos(look), np.sin(look)])
            ground = ground + ahead * np.array([-np.sin(look), np.cos(look)])
            picture[row, column] = place.ground
            for corners, colour in zip(polygons, colours, strict=True):
                if inside(ground, corners):
                    picture[row, column] = colour
    return picture


@pytest.mark.parametrize("place", [SIM, replace(SIM, yaw=6.0, lateral=1.5, height=4.0, horizon=0.25)])
def test_the_view_is_what_rays_to_the_ground_hit(place):
    polygons = np.array([[[-6, 10], [6, 10], [6, 40], [-6, 40]], [[-2, 15], [8, 20], [8, 30], [-2, 25]]], float)
    colours = np.array([[90, 90, 90], [250, 10, 10]])
    position, angle = np.array([1.0, -3.0]), 0.2
    drawn = camera.draw_view(polygons, colours, position, angle, place).astype(float)
    cast = ray_cast(polygons, colours, position, angle, place)
    differs = np.abs(drawn - cast).max(2) > 60
    assert differs.mean() < 0.03, "only pixels that an edge crosses may differ"
    assert len(np.unique(cast.reshape(-1, 3), axis=0)) == 4, "the oracle sees sky, ground and both polygons"


def test_a_road_under_the_car_reaches_the_lower_edge_and_the_middle():
    run = Simulator(SIM, 0)
    view = run.view()
    assert view.shape == (36, 64, 3) and view.dtype == np.uint8
    assert np.abs(view[-1, 32].astype(int) - SIM.road).max() <= 2
    assert np.abs(view[0].astype(int) - SIM.sky).max() <= 2


def test_a_camera_turned_to_the_right_sees_the_road_move_to_the_left():
    def middle_of_road(place):
        row = Simulator(place, 0).view()[24].astype(int)
        return np.flatnonzero(np.abs(row - place.road).max(1) < 10).mean()

    plain = replace(SIM, kerbs=False)
    assert middle_of_road(replace(plain, yaw=10.0)) < middle_of_road(plain) - 3
    assert middle_of_road(replace(plain, lateral=2.0)) < middle_of_road(plain) - 2


# ---------------------------------------------------------------- sensor


def test_a_perfect_sensor_changes_nothing_and_noise_has_its_size():
    views = torch.rand(4, 3, 36, 64) * 0.4 + 0.3
    assert torch.equal(sense(views, SIM, seed=0), views)
    noisy = sense(views, replace(SIM, noise=0.05), seed=0)
    assert (noisy - views).std().item() == pytest.approx(0.05, rel=0.05)
    assert torch.equal(noisy, sense(views, replace(SIM, noise=0.05), seed=0))
    assert not torch.equal(noisy, sense(views, replace(SIM, noise=0.05), seed=1))


def test_blur_is_a_gaussian_mean_exposure_a_factor_and_corners_are_darker():
    views = torch.zeros(1, 3, 36, 64)
    views[0, 1, 20, 30] = 1.0
    blurred = sense(views, replace(SIM, blur=0.8), seed=0)[0, 1]
    weights = np.exp(-(np.arange(-2, 3) ** 2) / (2 * 0.8**2))
    weights /= weights.sum()
    assert np.allclose(blurred[18:23, 28:33], np.outer(weights, weights), atol=1e-6)
    assert blurred.sum() == pytest.approx(1)
    grey = torch.full((1, 3, 36, 64), 0.8)
    assert torch.allclose(sense(grey, replace(SIM, gain=0.5), seed=0), grey / 2)
    dimmed = sense(grey, replace(SIM, vignette=0.4), seed=0)[0, 0]
    assert dimmed[0, 0] == pytest.approx(0.8 * 0.6) and dimmed[18, 32] > 0.79


# ---------------------------------------------------------------- simulator


def test_the_same_run_is_the_same_bit_for_bit():
    ends = [drive(replace(ROAD, speed=60.0), 3, pursue) for _ in range(2)]
    assert ends[0].steps == ends[1].steps and np.array_equal(ends[0].position, ends[1].position)
    assert torch.equal(ends[0].frame(), ends[1].frame())


def test_a_delay_of_one_step_lets_the_first_command_wait():
    angles = {}
    for delay in (0, 1):
        run = Simulator(replace(SIM, delay=delay), 0)
        wheels = []
        for _ in range(3):
            run.step(1.0)
            wheels.append(run.env.car.wheels[0].joint.angle)
        angles[delay] = wheels
    assert abs(angles[1][0]) < 0.01 < abs(angles[0][0])
    assert angles[1][1] == pytest.approx(angles[0][0], abs=0.01)


def test_low_grip_carries_the_car_out_of_a_sharp_turn():
    def turned(grip):
        run = Simulator(replace(SIM, grip=grip, speed=60.0), 0)
        for _ in range(60):
            run.step(0.0)
        before = run.angle
        for _ in range(10):
            run.step(1.0)
        return abs(run.angle - before)

    assert turned(0.6) < 0.8 * turned(1.0)


def test_two_simulators_keep_their_own_grip():
    alone = drive(ROAD, 4, pursue)
    one, two = Simulator(ROAD, 4), Simulator(SIM, 4)
    while not one.over:
        one.step(pursue(one))
        two.step(1.0)
    assert np.array_equal(one.position, alone.position)


def test_positive_steering_turns_right_and_the_offset_says_so():
    run = Simulator(SIM, 0)
    for _ in range(25):
        run.step(0.0)
    straight = run.offset
    for _ in range(12):
        run.step(0.6)
    assert run.offset > straight + 0.1


def test_clockwise_tracks_turn_right_and_the_car_faces_along_them():
    for place, sign in ((SIM, 1), (replace(SIM, clockwise=True), -1)):
        run = Simulator(place, 2)
        assert np.sign(simulator._turns(run.middle).sum()) == sign
        ahead = np.array([-np.sin(run.angle), np.cos(run.angle)])
        assert ahead @ run.direction[0] > 0.98


def test_tracks_of_a_city_have_its_curvature():
    for name in ("city A", "city B", "city C"):
        low, high = world(name).curvature
        for track in range(4):
            assert low <= np.abs(simulator._turns(Simulator(world(name), track).middle)).mean() < high


def test_leaving_the_road_ends_the_run_and_gains_nothing():
    run = drive(SIM, 1, lambda run: 1.0 if run.steps > 40 else 0.0)
    assert run.over and run.progress < 0.2
    off = drive(SIM, 1, straight_on)
    assert off.lost and off.progress < 0.5 and not off.on_road


def test_speed_follows_its_rule():
    gas, brake = speed_control(0.0, 0.0, SIM)
    assert gas > 0 and brake == 0
    assert speed_control(60.0, 0.0, SIM)[1] > 0
    assert speed_control(30.0, 0.0, SIM)[0] > speed_control(30.0, 1.0, SIM)[0] == 0
    run = Simulator(SIM, 0)
    speeds = []
    while not run.over:
        run.step(pursue(run))
        speeds.append(run.speed)
    assert 20 < np.mean(speeds) and max(speeds) < SIM.speed + 2


# ---------------------------------------------------------------- expert


def test_the_expert_completes_the_lap_on_twenty_unseen_tracks_and_stays_on_the_road():
    for track in range(200, 220):
        run, outside = Simulator(SIM, track), 0
        while not run.over:
            run.step(pursue(run))
            outside += not run.on_road
        assert run.progress >= 0.9 and outside <= 0.01 * run.steps, f"track {track}: {run.progress:.0%}"


def test_the_expert_drives_in_every_world():
    for name in WORLDS:
        assert drive(world(name), 7, pursue).progress >= 0.9, name


def test_pure_pursuit_steers_along_the_arc_through_its_goal():
    run = Simulator(SIM, 0)
    steering = pursue(run)
    goal = run.middle[(run.tile + 5) % len(run.middle)] - run.position
    right = np.array([np.cos(run.angle), np.sin(run.angle)])
    # The circle through car and goal, tangent to the heading: its centre lies `radius` to the right.
    radius = (goal @ goal) / (2 * goal @ right)
    assert np.linalg.norm(goal - radius * right) == pytest.approx(abs(radius))
    assert np.tan(steering * simulator.FULL_LOCK) == pytest.approx(3.24 / radius)


# ---------------------------------------------------------------- wrong input


def test_a_world_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="unknown world 'city D': did you mean 'city"):
        world("city D")


@pytest.mark.parametrize("steering", [1.5, -1.01, float("nan")])
def test_steering_outside_its_range_is_refused(steering):
    with pytest.raises(ValueError, match="steering must (lie in|be a number)"):
        Simulator(SIM, 0).step(steering)


def test_without_a_simulator_the_error_names_the_one_command():
    code = """
import sys
from tlutils.simulator import Simulator
from tlutils.worlds import SIM
for missing in ("gymnasium", "Box2D", "pygame"):
    sys.modules[missing] = None
    try:
        Simulator(SIM, 0)
    except ImportError as error:
        print(error)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("gymnasium", "Box2D", "pygame")]:
        del sys.modules[name]
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    command = re.findall('pip install "gymnasium>=.*" "box2d>=.*" pygame-ce', run.stdout)
    assert len(command) == 3, run.stdout + run.stderr
