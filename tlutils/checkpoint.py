"""A run that may be interrupted: its whole state in one file, whole at every moment.

Not Accelerate's own `save_state`: that reads parts of a checkpoint as a pickle, which may hold code, and goes on with
other random numbers where it cannot read the old ones.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from tlutils.domains import Domain
from tlutils.fingerprint import fingerprint
from tlutils.inputs import checked
from tlutils.parallel import from_first, is_first

VERSION = 1
LONGEST = 240  # bytes of a name, which file systems limit to 255
_DAMAGES = (TypeError, ValueError, RuntimeError, LookupError, AttributeError)  # what a state raises that does not fit


class Stateful(Protocol):
    """What has a state that can be kept and found again."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> Any: ...


@dataclass
class Checkpoint:
    """A file with the state of a training run: its parts, its random numbers, and how far it came.

    `run` says which run it is, as `identity` does: a file of another one is refused. Raises ValueError for the path
    of a folder.
    """

    path: Path
    run: dict[str, str]

    def __post_init__(self) -> None:
        if not isinstance(self.path, Path) or not isinstance(self.run, dict):
            raise TypeError(f"a Checkpoint has a Path and a dict, got {self.path!r:.60} and {type(self.run).__name__}")
        if os.path.isdir(self.path) or "\0" in self.path.name or len(os.fsencode(self.path.name)) > LONGEST:
            raise ValueError(f"the checkpoint {str(self.path)!r:.80} is no name for a file: name one, such as run.pt")

    @checked
    def save(self, parts: Sequence[Stateful], step: int, history: list[dict[str, float]]) -> None:
        """Write the state after `step` steps: to a temporary file first, so that the last one stays whole.

        Raises OSError when it cannot be written.
        """
        _check_parts(parts)
        state = {
            "version": VERSION,
            "run": self.run,
            "step": step,
            "history": history,
            "parts": [part.state_dict() for part in parts],
            "random": [torch.get_rng_state(), *torch.cuda.get_rng_state_all()],
        }
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())  # a power cut must not leave a name without its bytes
            temporary.replace(self.path)
        except (OSError, RuntimeError) as error:  # torch's writer says RuntimeError when a disk is full
            if temporary.exists():
                temporary.unlink()
            kept = "the one before it is whole" if self.path.exists() else "there is none before it"
            message = f"the checkpoint {self.path} could not be written at step {step} ({error}); {kept}"
            raise OSError(message) from error

    @checked
    def load(self, parts: Sequence[Stateful]) -> tuple[int, list[dict[str, float]]]:
        """Return the steps done and their history, with parts and random numbers as they were; (0, []) without a file.

        Of several processes the first one reads it, after all it wrote, and tells the others: another machine may have
        no such file, or an older one. Raises ValueError for a file that is damaged, no checkpoint, or another run's.
        """
        _check_parts(parts)
        try:
            state: Any = self._read() if is_first() and os.path.isfile(self.path) else None
        except ValueError as error:
            state = error  # for all to raise: nobody may be left waiting
        state = from_first(state)
        if state is None:
            return 0, []
        if isinstance(state, ValueError):
            raise state
        differs = [what for what, value in self.run.items() if state["run"].get(what) != value]
        if differs:
            raise ValueError(
                f"the checkpoint {self.path} belongs to a run with other {' and '.join(differs)}: "
                "name another file, or delete this one to start anew"
            )
        try:
            for part, kept in zip(parts, state["parts"], strict=True):
                part.load_state_dict(kept)
            torch.set_rng_state(state["random"][0])
            if len(state["random"]) == 1 + torch.cuda.device_count():
                torch.cuda.set_rng_state_all(state["random"][1:])
            return state["step"], state["history"]
        except _DAMAGES as error:
            raise ValueError(f"{self.path} is damaged: delete it to start anew ({error})") from error

    def _read(self) -> dict[str, Any]:
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:  # what a damaged file raises is not documented
            message = f"{self.path} is damaged, or no checkpoint: delete it to start anew ({type(error).__name__})"
            raise ValueError(message) from error
        if not isinstance(state, dict) or state.get("version") != VERSION or not isinstance(state.get("run"), dict):
            raise ValueError(f"{self.path} is no checkpoint of this version of the course: delete it to start anew")
        return state


def _check_parts(parts: Sequence[Stateful]) -> None:
    for part in parts:
        if not hasattr(part, "state_dict") or not hasattr(part, "load_state_dict"):
            raise TypeError(f"a checkpoint keeps what has a state_dict and load_state_dict, got {part!r:.60}")


@checked
def identity(modules: Sequence[nn.Module], domains: Sequence[Domain], **settings: Any) -> dict[str, str]:
    """Return what makes a run the same run: a hash of its model's form, of its data, and of its settings."""
    forms = [f"{name} {tuple(value.shape)}" for module in modules for name, value in module.state_dict().items()]
    data = [part for domain in domains for part in _parts(domain)]
    stated = [f"{name}={value!r}" for name, value in sorted(settings.items())]
    return {"model": fingerprint(forms), "data": fingerprint(data), "settings": fingerprint(stated)}


def _parts(domain: Domain) -> list[str | Tensor]:
    rows = [domain.x] if isinstance(domain.x, Tensor) else list(domain.x)
    return [domain.name, *rows, "no labels" if domain.y is None else domain.y]
