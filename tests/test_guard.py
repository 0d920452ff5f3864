"""The guard: torchvision can be imported after tlutils, and nothing is touched where that works anyway."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from tlutils import guard

ROOT = Path(__file__).resolve().parent.parent
needs_torchvision = pytest.mark.skipif(find_spec("torchvision") is None, reason="torchvision is not installed")


def python(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_torchvision
def test_torchvision_works_after_tlutils_and_tlutils_stays_light():
    code = """
import sys, tlutils
print(sorted({"torchvision", "transformers", "gymnasium", "matplotlib.pyplot", "sklearn"} & set(sys.modules)))
from tlutils.guard import guard_torchvision
print(guard_torchvision())  # a second call
import torch, torchvision.transforms.v2
print(torchvision.models.resnet18().eval()(torch.zeros(1, 3, 32, 32)).shape)
print(torchvision.transforms.v2.Resize(8)(torch.zeros(3, 16, 16)).shape)
"""
    assert python(code).splitlines() == ["[]", "False", "torch.Size([1, 1000])", "torch.Size([3, 8, 8])"]


def test_without_torchvision_nothing_is_defined():
    code = """
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "torchvision" else real(name, *rest)
import torch, tlutils
print(tlutils.guard._library, hasattr(torch.ops.torchvision, "nms"))
"""
    assert python(code) == "None False"


def test_a_torchvision_whose_operators_do_not_load_gets_the_two_schemas(tmp_path):
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision/__init__.py").write_text("raise ImportError('the guard must not import me')")
    (tmp_path / "torchvision/_C.so").write_bytes(b"not a library")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import torch, tlutils
print(tlutils.guard._library is not None)
print(torch.ops.torchvision.nms.default._schema)
print(torch.ops.torchvision.qnms.default._schema)
torch.library.register_fake("torchvision::nms", lambda dets, scores, iou_threshold: dets)  # what torchvision does
"""
    arguments = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    assert python(code).splitlines() == ["True", f"torchvision::nms{arguments}", f"torchvision::qnms{arguments}"]


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A guard that has not run, beside a torchvision with two binaries; returns which of them were tried."""
    for name in ("_C.so", "_C.cpython.so"):
        (tmp_path / name).touch()
    monkeypatch.setattr(guard, "_library", None)
    monkeypatch.setattr(guard, "find_spec", lambda name: type("Spec", (), {"origin": str(tmp_path / "__init__.py")}))
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.setattr(torch.library, "Library", lambda *args: pytest.fail("the guard defined a library"))
    return tmp_path


def test_nothing_is_defined_when_the_compiled_operators_load(fresh, monkeypatch):
    monkeypatch.setattr(torch.ops, "load_library", lambda path: None)
    assert guard.guard_torchvision() is False and guard._library is None


def test_one_binary_that_loads_is_enough(fresh, monkeypatch):
    tried = []

    def load(path):
        tried.append(path)
        if len(tried) == 1:
            raise OSError("cannot open shared object file")

    monkeypatch.setattr(torch.ops, "load_library", load)
    assert guard.guard_torchvision() is False and len(tried) == 2


def test_nothing_is_defined_once_torchvision_is_imported(fresh, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", object())
    monkeypatch.setattr(torch.ops, "load_library", lambda path: pytest.fail("the guard loaded a binary"))
    assert guard.guard_torchvision() is False


def test_the_schemas_are_defined_once_when_nothing_loads(fresh, monkeypatch):
    defined = []

    class Library:
        def __init__(self, *args):
            defined.append(args)

        def define(self, schema):
            defined.append(schema.split("(")[0])

    def load(path):
        raise OSError("libcudart.so: cannot open shared object file")

    monkeypatch.setattr(torch.library, "Library", Library)
    monkeypatch.setattr(torch.ops, "load_library", load)
    assert guard.guard_torchvision() is True
    assert guard.guard_torchvision() is False
    assert defined == [("torchvision", "DEF"), "nms", "qnms"]
