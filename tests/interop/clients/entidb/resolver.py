"""The resolvers that the Dart client brings: what to push instead of a refused operation, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from entidb.wire import Conflict, Operation

Resolver = Callable[[Conflict], Operation | None]


def server_wins(_conflict: Conflict) -> Operation | None:
    """Writes nothing locally either: it relies on the next pull."""
    return None


def client_wins(conflict: Conflict) -> Operation | None:
    """The same operation, with its number, one version above the server's."""
    return replace(conflict.op, version=conflict.server_version + 1, timestamp=int(time.time() * 1000))


def last_write_wins(conflict: Conflict) -> Operation | None:
    return client_wins(conflict) if conflict.op.timestamp > (conflict.last_modified or 0) else None


RESOLVERS: dict[str, Resolver] = {
    "server-wins": server_wins,
    "client-wins": client_wins,
    "last-write-wins": last_write_wins,
}
