# @title Setup for Colab: installs the course's package where it is missing, does nothing elsewhere
def install_missing(wanted):
    """Install the packages whose modules are missing; what is installed already keeps its version."""
    import re
    import subprocess
    import sys
    import tempfile
    from importlib import invalidate_caches
    from importlib.metadata import distributions
    from importlib.util import find_spec
    from pathlib import Path

    missing = [package for module, package in wanted.items() if find_spec(module) is None]
    if not missing:
        return
    absent = [name for name in ("torch", "torchvision", "numpy") if find_spec(name) is None]
    if absent:
        raise RuntimeError(f"install {' and '.join(absent)} first, in the build for this machine: this cell never does")
    print("Installing", ", ".join(package.split()[0] for package in missing), "… (a minute or two)")
    pins = {}
    for found in distributions():  # the first on the path is the one that is imported
        if re.fullmatch(r"\d[\w.+!-]*", str(found.version)):
            pins.setdefault(re.sub(r"[-_.]+", "-", str(found.name)).lower(), found.version)
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("\n".join(f"{name}=={version}" for name, version in pins.items()))
        command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--constraint", constraints]
        done = subprocess.run([*command, *missing], capture_output=True, text=True)
    if done.returncode:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        why = [line for line in said if re.search("ERROR|depends on|user requested", line)] or said[-5:]
        raise RuntimeError("what is missing does not fit beside what is here:\n  " + "\n  ".join(why))
    invalidate_caches()
    print("Done. Nothing that was here has changed.")


