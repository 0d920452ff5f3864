"""JupyterLab in a browser, for the tests and for `make screenshots`: a server of its own and Debian's Chromium.

Settings, kernels and history of whoever runs this are neither read nor written: all of Jupyter's own folders
lie in a temporary one, and the kernel is the Python that runs this.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MISSING = "make setup; sudo apt-get install --yes chromium"
# All that a browser does unasked: downloads of components, accounts, first-run pages.
CHROMIUM_OPTIONS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
SETTINGS = {
    # All cells are in the page at once: none appears only when it is scrolled to.
    "notebook-extension/tracker": {"windowingMode": "none", "scrollPastEnd": False},
    "apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
}


def chromium() -> str | None:
    """Return the path of Chromium or Chrome, None where there is none."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None)


def use_setting(root: Path, plugin: str, values: dict) -> None:
    """Write what JupyterLab's settings editor would write; an open page takes it up when it is loaded anew."""
    folder, name = plugin.split("/")
    path = root / "settings" / "@jupyterlab" / folder / f"{name}.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


class Lab:
    """A running JupyterLab that serves the folder `notebooks`."""

    def __init__(self, notebooks: Path, root: Path, address: str, token: str):
        self.notebooks, self.root, self.address, self.token = notebooks, root, address, token

    def url(self, path: str) -> str:
        """Return the address that opens a notebook alone, without file browser and tabs."""
        return f"{self.address}/doc/tree/{path}?token={self.token}&reset"

    def use_theme(self, theme: str) -> None:
        """Choose `JupyterLab Light` or `JupyterLab Dark` for pages opened from now on."""
        use_setting(self.root, "apputils-extension/themes", {"theme": theme})


@contextmanager
def jupyter_lab(notebooks: Path, seconds: float = 60) -> Iterator[Lab]:
    """Serve a folder with JupyterLab on a free port, with a token; the server and its kernels always end.

    Raises RuntimeError, with what the server said, when it has not started after so many seconds.
    """
    with tempfile.TemporaryDirectory(prefix="tlutils-lab-", ignore_cleanup_errors=True) as folder:
        root, token = Path(folder), secrets.token_hex(16)
        for plugin, values in SETTINGS.items():
            use_setting(root, plugin, values)
        places = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
        places |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "i"}
        # A token in the environment would also be read; the one given below must be the only one.
        own = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
        own |= {key: str(root / name) for key, name in places.items()} | {"JUPYTER_PREFER_ENV_PATH": "1"}
        options = {"ServerApp.root_dir": notebooks, "ServerApp.port": 0, "IdentityProvider.token": token}
        options |= {"ServerApp.open_browser": False, "LabApp.news_url": "", "LabApp.extension_manager": "readonly"}
        # Should whoever started the server be killed, it ends itself when its work is done.
        options |= {"MappingKernelManager.cull_idle_timeout": 60, "MappingKernelManager.cull_interval": 20}
        options |= {"ServerApp.shutdown_no_activity_timeout": 60}
        # Containers run as root; the server listens on this machine alone and asks for the token.
        command = [sys.executable, "-m", "jupyterlab", "--allow-root", "--ip=127.0.0.1"]
        command += [f"--{name}={value}" for name, value in options.items()]
        log = root / "log.txt"
        with log.open("wb") as out:
            server = subprocess.Popen(command, env=own, stdout=out, stderr=out, start_new_session=True)
        try:
            yield Lab(notebooks, root, _address(server, log, seconds), token)
        finally:
            end(server)


def _address(server: subprocess.Popen, log: Path, seconds: float) -> str:
    """Return where the server listens, once it says so."""
    end = time.monotonic() + seconds
    said = ""
    while server.poll() is None and time.monotonic() < end:
        said = log.read_text(encoding="utf-8", errors="replace")
        if found := re.search(r"(http://127\.0\.0\.1:\d+)/lab\?token=", said):
            return found[1]
        with suppress(subprocess.TimeoutExpired):
            server.wait(0.1)
    raise RuntimeError(f"JupyterLab did not start within {seconds:g} s; it said:\n{said}")


def end(server: subprocess.Popen, seconds: float = 10) -> None:
    """End the server, and kill it if it hangs; its kernels notice and end themselves."""
    server.terminate()
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
