"""Features on disk: the key, the log, kills, damage, several processes, a cache that cannot be written."""

import errno
import functools
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tlutils import cache, extract_features, features
from tlutils.cache import cached_rows
from tlutils.fingerprint import fingerprint, network_parts
from tlutils.inputs import checked
from tlutils.nets import CifarResNet, DigitNet

ROOT = Path(__file__).resolve().parent.parent
forks = pytest.mark.skipif(sys.platform == "win32", reason="the children of this test are forked")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    return tmp_path / "features"


def new(kind=DigitNet, frozen=True):
    torch.manual_seed(0)
    encoder = kind(4) if kind is DigitNet else kind()
    encoder(torch.rand(64, encoder.channels, 8, 8))
    return encoder.requires_grad_(not frozen)


def images(n=20, channels=1):
    return torch.rand(n, channels, 8, 8, generator=torch.Generator().manual_seed(1))


def loop(encoder, x, batch_size=256):
    encoder.eval()
    with torch.no_grad():
        return torch.cat([encoder(x[i : i + batch_size]) for i in range(0, len(x), batch_size)])


class Rows:
    """Count the rows that an encoder is run over."""

    def __init__(self, encoder):
        self.count = 0
        encoder.register_forward_hook(self.add)

    def add(self, module, inputs, out):
        self.count += len(out)


# ---------------------------------------------------------------- read instead of computed


@pytest.mark.parametrize("batch_size", [1, 7, 20, 256])
def test_a_second_call_reads_and_does_not_run_the_encoder(batch_size, folder):
    encoder, x = new(), images()
    rows = Rows(encoder)
    first = extract_features(encoder, x, batch_size=batch_size)
    assert rows.count == 20
    second = extract_features(encoder, x, batch_size=batch_size)
    assert rows.count == 20
    assert second.equal(first) and second.dtype == torch.float32 and not second.requires_grad
    torch.testing.assert_close(first, loop(encoder, x), rtol=1e-4, atol=1e-5)
    assert [path.suffix for path in folder.iterdir() if path.suffix != ".lock"] == [".npy"]


def test_with_and_without_a_cache_features_agree_bit_for_bit():
    encoder, x = new(CifarResNet), images(10, 3)
    plain = extract_features(encoder, x, batch_size=4, cache=False)
    assert extract_features(encoder, x, batch_size=4).equal(plain)
    assert extract_features(encoder, x, batch_size=4).equal(plain)


def test_an_encoder_in_training_leaves_no_file(folder):
    encoder = new(frozen=False)
    rows = Rows(encoder)
    extract_features(encoder, images())
    extract_features(encoder, images())
    assert rows.count == 40 and not folder.exists()
    partly = new()
    partly.layers[0][1].bias.requires_grad_(True)
    extract_features(partly, images())
    extract_features(new(), images(), cache=False)
    assert not folder.exists()


@pytest.mark.parametrize("read", [False, True])
def test_an_edit_in_place_does_not_reach_the_file(read):
    encoder, x = new(), images()
    expected = extract_features(encoder, x).clone()
    mine = extract_features(encoder, x) if read else extract_features(new(), x)
    mine.mul_(0).add_(7)
    assert extract_features(encoder, x).equal(expected)


def test_a_head_can_learn_from_features_that_were_read():
    encoder, x = new(), images()
    extract_features(encoder, x)
    head = nn.Linear(encoder.dim, 2)
    head(extract_features(encoder, x)).sum().backward()
    assert head.weight.grad is not None


# ---------------------------------------------------------------- the key


def key_of(encoder, x, precision="float32"):
    return fingerprint([precision, *network_parts(encoder), x])


def shift_weight(encoder):
    encoder.conv1.weight.data[0, 0, 0, 0] += 1e-3


def shift_statistics(encoder):
    encoder.bn1.running_var[3] *= 1.001


def shift_buffer_outside_the_state_dict(encoder):
    assert "mean" not in encoder.state_dict()
    encoder.mean[1] += 1e-3


def change_attribute(encoder):
    encoder.layer2[0].conv1.stride = (1, 1)


def change_private_attribute(encoder):
    encoder._scale = 2.0


def replace_layer(encoder):
    encoder.layer3[0].bn2 = nn.Identity()


def replace_method(encoder):
    encoder.forward = lambda x: CifarResNet.forward(encoder, 1 - x)


@pytest.mark.parametrize(
    "change",
    [
        shift_weight,
        shift_statistics,
        shift_buffer_outside_the_state_dict,
        change_attribute,
        change_private_attribute,
        replace_layer,
        replace_method,
    ],
)
def test_every_part_of_the_encoder_is_part_of_the_key(change):
    x, encoder, same = images(6, 3), new(CifarResNet), new(CifarResNet)
    assert key_of(encoder, x) == key_of(same, x)
    change(same)
    assert key_of(encoder, x) != key_of(same, x)


SOURCE = """
import torch
OFFSET = {offset}
def helper(x):
    return x * {factor}
class Written(torch.nn.Module):
    channels = 1
    power = {power}
    def forward(self, x):
        "Return features."
        return (helper(x) + OFFSET + {term}).flatten(1) ** self.power
"""


@pytest.mark.parametrize("change", ["offset", "factor", "power", "term"])
def test_code_counts_as_it_runs_even_without_a_file(change):
    def build(**values):
        space = {"__name__": "__main__"}
        exec(SOURCE.format(**{"offset": 1, "factor": 2, "power": 1, "term": 0} | values), space)
        return space["Written"]()

    first = extract_features(build(), images())
    assert not extract_features(build(**{change: 3}), images()).equal(first)
    assert extract_features(build(), images()).equal(first)


def test_constants_hidden_in_closures_and_decorators_count():
    def build(factor):
        def scaled(function):
            @functools.wraps(function)
            def wrapper(self, x):
                return function(self, x) * factor

            return wrapper

        class Decorated(nn.Module):
            @scaled
            def forward(self, x):
                return x.flatten(1)

        return Decorated()

    x = images()
    assert key_of(build(1), x) == key_of(build(1), x) != key_of(build(2), x)


def test_what_checks_arguments_does_not_count():
    def build(decorate):
        class Network(nn.Module):
            @decorate
            def forward(self, x: torch.Tensor):
                return x.flatten(1)

        return Network()

    assert key_of(build(checked), images()) == key_of(build(lambda function: function), images())


class Preprocessing:
    def __init__(self, mean):
        self.mean = np.full((100, 100), mean)


def test_objects_inside_an_encoder_count_by_their_content():
    def build(mean):
        encoder = nn.Flatten()
        encoder.preprocessing = [Preprocessing(mean)]
        return encoder

    x = images()
    assert key_of(build(0.1), x) == key_of(build(0.1), x) != key_of(build(0.2), x)


def test_data_and_precision_are_part_of_the_key_and_layout_is_not():
    encoder, x = new(), torch.rand(6, 1, 8, 8)
    pixel = x.clone()
    pixel[5, 0, 7, 7] += 1e-3
    variants = [x, pixel, x[:5], x.flip(0), x.view(6, 1, 4, 16), x.double(), x.bfloat16()]
    keys = {key_of(encoder, variant) for variant in variants} | {key_of(encoder, x, "bfloat16")}
    assert len(keys) == 8
    colour = torch.rand(4, 3, 8, 8)
    same = [
        colour,
        colour.to(memory_format=torch.channels_last),
        torch.cat([colour, colour])[:4],
        torch.stack([colour, colour], -1)[..., 0],
        colour.clone().requires_grad_(True),
    ]
    assert len({key_of(encoder, variant) for variant in same}) == 1
    grey = torch.rand(4, 1, 8, 8).expand(-1, 3, -1, -1)
    assert key_of(encoder, grey) == key_of(encoder, grey.contiguous())


def test_large_tensors_are_hashed_in_pieces_to_the_same_result(monkeypatch):
    x = torch.rand(9, 3, 8, 8)
    whole = fingerprint([x])
    monkeypatch.setattr("tlutils.fingerprint.PIECE", 1000)
    assert fingerprint([x]) == whole


def test_parts_do_not_run_into_each_other():
    assert fingerprint(["ab", "c"]) != fingerprint(["a", "bc"]) != fingerprint([b"a", "bc"])
    assert fingerprint([torch.zeros(2), torch.zeros(1)]) != fingerprint([torch.zeros(1), torch.zeros(2)])


def test_mode_hooks_and_batch_size_do_not_change_the_key():
    encoder, x = new(), images()
    extract_features(encoder.eval(), x, batch_size=5)
    rows = Rows(encoder)
    extract_features(encoder.train(), x, batch_size=20)
    assert rows.count == 0


def test_the_key_is_the_same_in_every_process():
    program = """
import torch
from tlutils.fingerprint import fingerprint, network_parts
from tlutils.nets import CifarResNet
class Chosen(CifarResNet):
    mode = "plain"
    def forward(self, x):
        return super().forward(x if self.mode in {"plain", "other", "third"} else 1 - x)
torch.manual_seed(0)
print(fingerprint(network_parts(Chosen())))
"""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    keys = [child.communicate()[0].strip() for child in children]
    assert len(keys[0]) == 64 and keys[0] == keys[1]


def test_bfloat16_is_used_only_where_it_is_native_and_is_kept_apart(monkeypatch):
    encoder, x = new(CifarResNet), images(16, 3)
    exact = extract_features(encoder, x)
    monkeypatch.setattr(features, "computes_bfloat16", lambda device: False)
    assert extract_features(encoder, x, allow_bfloat16=True).equal(exact)
    monkeypatch.setattr(features, "computes_bfloat16", lambda device: True)
    rough = extract_features(encoder, x, allow_bfloat16=True)
    assert rough.dtype == torch.float32 and not rough.equal(exact)
    assert torch.cosine_similarity(rough, exact).min() > 0.999
    assert extract_features(encoder, x).equal(exact)
    assert extract_features(encoder, x, allow_bfloat16=True).equal(rough)


@pytest.mark.parametrize(("flag", "native"), [("avx512_bf16", True), ("amx_bf16", True), ("avx512_f", False)])
def test_bfloat16_is_native_when_the_processor_says_so(monkeypatch, flag, native):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {flag: True}, raising=False)
    assert features.computes_bfloat16(torch.device("cpu")) is native


# ---------------------------------------------------------------- damage


def blocks_of(table, size, counted=None):
    def compute(first):
        for i in range(first, len(table), size):
            if counted is not None:
                counted.extend(range(i, min(i + size, len(table))))
            yield table[i : i + size]

    return compute


TABLE = np.random.default_rng(0).standard_normal((20, 5)).astype(np.float32)


def interrupted(folder, rows):
    """Leave a log of the first `rows` rows, in blocks of 4, as a kill does."""

    def compute(first):
        yield from blocks_of(TABLE[:rows], 4)(first)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_rows("key", 20, compute)
    assert not (folder / "key.npy").exists()
    return folder / "key.part"


def check_resumed(expected_first):
    counted = []
    assert np.array_equal(cached_rows("key", 20, blocks_of(TABLE, 4, counted)), TABLE)
    assert counted == list(range(expected_first, 20))
    counted.clear()
    assert np.array_equal(cached_rows("key", 20, blocks_of(TABLE, 4, counted)), TABLE)
    assert not counted


@pytest.mark.parametrize("rows", [0, 4, 12, 20])
def test_an_interrupted_run_goes_on_from_its_last_block(folder, rows):
    interrupted(folder, rows)
    check_resumed(expected_first=rows)
    assert not (folder / "key.part").exists()


RECORD = cache.HEADER.size + 4 * 5 * 4


@pytest.mark.parametrize("cut", [1, 11, 12, 13, RECORD - 1])
def test_a_block_cut_short_is_computed_again(folder, cut):
    part = interrupted(folder, 12)
    assert part.stat().st_size == 3 * RECORD
    os.truncate(part, 2 * RECORD + cut)
    check_resumed(expected_first=8)


@pytest.mark.parametrize("at", [RECORD, RECORD + 5, RECORD + 9, RECORD + 40, 2 * RECORD - 1])
def test_a_block_with_a_wrong_bit_is_computed_again_with_all_that_follow(folder, at):
    part = interrupted(folder, 12)
    data = bytearray(part.read_bytes())
    data[at] ^= 1
    part.write_bytes(data)
    check_resumed(expected_first=4)


@pytest.mark.parametrize("tail", [bytes(12), bytes(500), b"\xff" * 500])
def test_what_a_power_cut_leaves_at_the_end_is_cut_off(folder, tail):
    part = interrupted(folder, 8)
    with part.open("ab") as file:
        file.write(tail)
    check_resumed(expected_first=8)


def test_a_log_is_cut_before_it_grows_again(folder):
    """A second kill after damage must not leave blocks behind the damaged bytes."""
    part = interrupted(folder, 12)
    os.truncate(part, 2 * RECORD + 30)
    interrupted(folder, 12)
    assert part.stat().st_size == 3 * RECORD
    check_resumed(expected_first=12)


def test_a_finished_file_whose_header_is_damaged_is_computed_again(folder):
    cached_rows("key", 20, blocks_of(TABLE, 4))
    path = folder / "key.npy"
    good = path.read_bytes()
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's own, about some damaged headers
        for at in range(len(good) - TABLE.nbytes):
            for flip in (0x01, 0x02, 0x40):
                bad = bytearray(good)
                bad[at] ^= flip
                path.write_bytes(bad)
                found = cache._finished(path, 20)
                assert found is None or np.array_equal(found, TABLE), (at, flip)
                refused += found is None
    assert refused > 100
    check_resumed(expected_first=0)


def other(table):
    return lambda path: np.save(path, table)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no array"),
        lambda path: os.truncate(path, path.stat().st_size - 1),
        lambda path: os.truncate(path, path.stat().st_size + 1),
        other(TABLE[:19]),
        other(TABLE.astype(np.float64)),
        other(TABLE.astype(">f4")),
        other(np.asfortranarray(TABLE)),
        other(TABLE.ravel()),
        lambda path: np.savez(path.open("wb"), TABLE),
    ],
)
def test_a_finished_file_that_is_not_the_table_is_computed_again(folder, spoil):
    cached_rows("key", 20, blocks_of(TABLE, 4))
    spoil(folder / "key.npy")
    check_resumed(expected_first=0)


def test_too_few_or_too_many_rows_are_refused(folder):
    with pytest.raises(ValueError, match="20 rows were wanted, only 8 came"):
        cached_rows("key", 20, blocks_of(TABLE[:8], 4))
    with pytest.raises(ValueError):
        cached_rows("other", 10, blocks_of(TABLE, 4))
    assert not list(folder.glob("*.npy"))


# ---------------------------------------------------------------- a cache that cannot be written


def test_a_cache_that_cannot_be_written_costs_one_warning(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path / "file"))
    encoder, x = new(), images()
    with pytest.warns(UserWarning) as caught:
        found = extract_features(encoder, x)
        extract_features(encoder, images(7))  # once for the folder, as a notebook's loops call it many times
    (warning,) = caught
    assert all(words in str(warning.message) for words in (str(tmp_path / "file"), "TLUTILS_CACHE"))
    assert found.equal(extract_features(encoder, x, cache=False))


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="this user may write everywhere")
def test_a_folder_without_write_permission_costs_one_warning_and_can_still_be_read(folder):
    encoder = new()
    known = extract_features(encoder, images())
    folder.chmod(0o500)
    try:
        with pytest.warns(UserWarning, match="TLUTILS_CACHE") as caught:
            extract_features(encoder, images(7))
        assert len(caught) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert extract_features(encoder, images()).equal(known)
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("failing", [1, 3, 6])  # the first block, a later one, the finished file
def test_a_disk_that_fills_up_costs_a_warning_but_no_row(monkeypatch, folder, failing):
    calls, real = [], os.fsync

    def fsync(number):
        calls.append(number)
        if len(calls) >= failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(number)

    monkeypatch.setattr(os, "fsync", fsync)
    counted = []
    with pytest.warns(UserWarning, match="No space left.*TLUTILS_CACHE") as caught:
        found = cached_rows("key", 20, blocks_of(TABLE, 4, counted))
    assert len(caught) == 1
    assert np.array_equal(found, TABLE) and counted == list(range(20))
    assert not list(folder.glob("*.npy")) and not list(folder.glob("*.tmp"))
    monkeypatch.undo()
    monkeypatch.setenv("TLUTILS_CACHE", str(folder.parent))
    assert np.array_equal(cached_rows("key", 20, blocks_of(TABLE, 4)), TABLE)


# ---------------------------------------------------------------- other processes


class Slow(nn.Module):
    """An encoder that takes its time and writes the number of every row, its first pixel, into a file."""

    channels = 1

    def __init__(self, journal, seconds):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = DigitNet(4)
        self.journal, self.seconds = journal, seconds
        self.requires_grad_(False)

    def forward(self, x):
        time.sleep(self.seconds)
        with open(self.journal, "a") as file:
            file.write("".join(f"{round(1000 * v)}\n" for v in x[:, 0, 0, 0].tolist()))
        return self.net(x)


def numbered(n):
    x = images(n)
    x[:, 0, 0, 0] = torch.arange(n) / 1000
    return x


def rows_of(journal):
    return [int(line) for line in Path(journal).read_text().split()] if Path(journal).exists() else []


def child(folder, journal, seconds, n, result, die_at=None):
    """Extract features in a process of its own; `die_at` kills it at that write to the disk, counted from 0."""
    torch.set_num_threads(1)
    os.environ["TLUTILS_CACHE"] = folder
    if die_at is not None:
        writes = iter(range(die_at, -1, -1))
        for place, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink")):
            setattr(place, name, deadly(getattr(place, name), writes))
    np.save(result, extract_features(Slow(journal, seconds), numbered(n), batch_size=4).numpy())


def deadly(function, writes):
    def wrapper(*args, **kwargs):
        if next(writes) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return wrapper


@pytest.fixture(scope="module")
def start():
    """Return a function that starts `child` in a process forked from one that has loaded torch."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tlutils.features", "filelock", "platformdirs", "tqdm.auto", "numpy", "pytest"])

    def begin(*args):
        process = context.Process(target=child, args=args)
        process.start()
        return process

    return begin


@pytest.fixture
def uninterrupted(tmp_path):
    def compute(n):
        return extract_features(Slow(tmp_path / "unused", 0), numbered(n), batch_size=4, cache=False).numpy()

    torch.set_num_threads(1)
    return compute


@forks
def test_two_processes_at_once_compute_every_row_once(tmp_path, start, uninterrupted):
    journal = str(tmp_path / "journal")
    results = [str(tmp_path / f"{i}.npy") for i in range(2)]
    processes = [start(str(tmp_path), journal, 0.02, 40, result) for result in results]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert rows_of(journal) == list(range(40))
    for result in results:
        assert np.array_equal(np.load(result), uninterrupted(40))


@forks
def test_twenty_kills_at_random_moments_lose_at_most_a_block_each(tmp_path, folder, start, uninterrupted):
    journal, result, n = str(tmp_path / "journal"), str(tmp_path / "result.npy"), 1000
    chance, kills = random.Random(), 0
    while kills < 20:
        before = len(rows_of(journal))
        process = start(str(tmp_path), journal, 0.01, n, result)
        while len(rows_of(journal)) == before and process.is_alive():
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.12))
        assert process.is_alive(), "the run was over before it could be killed"
        process.kill()
        process.join()
        kills += 1
        assert not list(folder.glob("*.npy"))
    process = start(str(tmp_path), journal, 0.01, n, result)
    process.join(60)
    assert process.exitcode == 0
    assert np.array_equal(np.load(result), uninterrupted(n))
    rows = rows_of(journal)
    assert set(rows) == set(range(n)) and len(rows) <= n + 4 * kills
    (finished,) = folder.glob("*.npy")
    assert np.array_equal(np.load(finished), uninterrupted(n)) and not list(folder.glob("*.part"))


@forks
def test_a_kill_at_any_write_to_the_disk_does_no_harm(tmp_path, start, uninterrupted):
    died = []
    for moment in range(12):
        here = tmp_path / str(moment)
        here.mkdir()
        arguments = (str(here), str(here / "journal"), 0, 20, str(here / "result.npy"))
        process = start(*arguments, moment)
        process.join(60)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        died.append(moment)
        process = start(*arguments)
        process.join(60)
        assert process.exitcode == 0
        assert np.array_equal(np.load(here / "result.npy"), uninterrupted(20))
        assert len(rows_of(here / "journal")) <= 20 + 4
        (finished,) = (here / "features").glob("*.npy")
        assert np.array_equal(np.load(finished), uninterrupted(20))
        assert not list((here / "features").glob("*.part")) + list((here / "features").glob("*.tmp"))
    assert len(died) >= 7, json.dumps(died)  # five blocks, the finished file, its name
