"""What a scenario works with: the server's address, its secret, and devices made for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from entidb.device import Device
from entidb.engine import BATCH
from entidb.sse import Listener
from entidb.token import mint
from entidb.transport import Transport
from entidb.websocket import Socket


class Bench:
    def __init__(self, url: str, secret: str, admin_url: str | None = None, seed: int = 1) -> None:
        self.url = url
        self.secret = secret
        self.admin_url = admin_url or url
        self.seed = seed
        self.db = "tenant-a"

    def token(self, device: str | None, db: str | None = None) -> str:
        return mint(self.secret, db or self.db, device)

    def device(self, name: str, db: str | None = None, url: str | None = None, **options: Any) -> Device:
        """A device whose token names it and its database."""
        return Device(url or self.url, self.token(name, db), db or self.db, name, **options)

    def transport(self, device: str | None = None, db: str | None = None) -> Transport:
        return Transport(self.url, self.token(device, db))

    def listener(self, device: str, db: str | None = None, **options: Any) -> Listener:
        return Listener(self.url, self.token(device, db), device, **options)

    def socket(self, device: str, db: str | None = None, **options: Any) -> Socket:
        return Socket(self.url, self.token(device, db), db or self.db, device, **options)


def fill(bench: Bench, count: int, name: str = "writer", collection: str = "tasks", db: str | None = None) -> Device:
    """A device that has pushed so many entities."""
    writer = bench.device(name, db)
    for number in range(count):
        writer.edit(f"e{number}", {"number": number}, collection)
        if len(writer.engine.queue.ops) == BATCH:
            writer.sync()
    while writer.engine.queue.ops:
        writer.sync()
    return writer


def until(wanted: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not wanted():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
