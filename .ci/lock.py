"""Write requirements.lock: the whole lab and test environment, exactly; `make lock` runs this.

Asks pip what a new environment would get, without installing anything. Left out: hashes and build
suffixes (a CPU build of torch satisfies the same pin) and the CUDA libraries, which torch's own
requirements add where its build wants them.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PINS = ("torch==2.13.0", "torchvision==0.28.0")
CUDA = re.compile(r"nvidia-|cuda-|triton$")
HEADER = """\
# The exact environment of `make lab` and `make test`, for Python 3.11 and newer.
# Written by `make lock` on Linux with Python {python}; do not edit. To change a version, change
# pyproject.toml or PINS in .ci/lock.py, then `make lock`.
"""


def resolve() -> list[dict]:
    """Return what pip would install into an empty environment."""
    root = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        subprocess.run([*command, "--report", str(report), f"{root}[classroom,driving,lab,test]", *PINS], check=True)
        return json.loads(report.read_text(encoding="utf-8"))["install"]


def lines(install: list[dict]) -> list[str]:
    """Return one exact pin per package, sorted; the course's own package and CUDA's are left out."""
    found = {}
    for item in install:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
        if name != "tlutils" and not CUDA.match(name):
            found[name] = item["metadata"]["version"].partition("+")[0]
    return [f"{name}=={version}" for name, version in sorted(found.items())]


if __name__ == "__main__":
    target = Path("requirements.lock")
    text = HEADER.format(python=".".join(map(str, sys.version_info[:2]))) + "\n".join(lines(resolve())) + "\n"
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(target)
