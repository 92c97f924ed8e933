"""One child for several server processes of the same machine (``dinrail serve --workers N``).

Whoever holds a model's lock runs its child and writes down where it is; the others read that and ask the same child.
The lock falls with the process that held it, and the child with it, so that another one takes over with its next
request.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from dinrail_llamacpp.child import ChildSettings
from dinrail_llamacpp.locks import NO_LOCKS, try_lock
from dinrail_llamacpp.running import Address

__all__ = ["Claim", "Post", "fingerprint"]


def fingerprint(settings: ChildSettings) -> str:
    """What a child is like: those of equal fingerprints can stand in for each other."""
    told = {name: value for name, value in asdict(settings).items() if name not in ("parent", "api_key")}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass(slots=True)
class Claim:
    """The right to run a model's child.

    Attributes:
        descriptor: The open lock, or ``None`` where there are no locks.
        note: The file that tells the others.
    """

    descriptor: int | None
    note: Path

    @classmethod
    def alone(cls) -> Claim:
        """A claim that nobody else hears of."""
        return cls(None, Path())

    def publish(self, address: Address, like: str) -> None:
        """Tell the others where the child is; for this user's eyes only."""
        if self.descriptor is None:
            return
        part = self.note.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"url": address.url, "key": address.key, "like": like}, file)
        os.replace(part, self.note)

    def release(self) -> None:
        """Give it up; safe to call again."""
        descriptor, self.descriptor = self.descriptor, None
        if descriptor is not None:
            self.note.unlink(missing_ok=True)
            os.close(descriptor)


class Post:
    """Where server processes meet about one model.

    Args:
        folder: The instance's folder for such files; made when first needed.
        name: The model's name.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._lock = folder / f"{name}.lock"
        self._note = folder / f"{name}.json"

    def claim(self) -> Claim | None:
        """The claim, or ``None`` while another process has it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = try_lock(self._lock)
        if descriptor is None:
            return None
        if descriptor == NO_LOCKS:
            return Claim.alone()
        self._note.unlink(missing_ok=True)  # of a process that was killed
        return Claim(descriptor, self._note)

    def read(self) -> tuple[Address, str] | None:
        """Where the child of whoever has the claim is, and what it is like; ``None`` while it is not known."""
        try:
            found = json.loads(self._note.read_text(encoding="utf-8"))
            return Address(found["url"], found["key"]), found["like"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
