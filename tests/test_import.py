"""`import tlutils` is light, and mends torchvision without importing it."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 2.5
HEAVY = ("torchvision", "transformers", "gymnasium", "matplotlib.pyplot", "sklearn", "accelerate", "peft", "captum")


def fresh(program: str) -> str:
    """Return what a program prints in a fresh Python process."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_is_quick():
    # Of wall and processor time the smaller: waiting for other processes does not count.
    program = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import tlutils
print(min(time.perf_counter() - wall, time.process_time() - cpu))
"""
    seconds = []
    while len(seconds) < 3 and min(seconds, default=SECONDS) >= SECONDS:
        seconds.append(float(fresh(program)))
    assert min(seconds) < SECONDS, f"import tlutils took {seconds} s"


def test_import_leaves_the_heavy_packages_out():
    loaded = json.loads(fresh("import json, sys, tlutils; print(json.dumps(list(sys.modules)))"))
    assert [name for name in HEAVY if name in loaded] == []


def test_torchvision_and_transformers_import_afterwards():
    program = """
import tlutils
import torchvision, transformers
torchvision.models.resnet18(weights=None)
transformers.AutoModel
print("both")
"""
    assert fresh(program).strip().endswith("both")
