"""A device: an embedded database, its local log, and the engine between it and the server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cbor2

from entidb.engine import Cycle, Engine
from entidb.resolver import Resolver, server_wins
from entidb.transport import Transport
from entidb.wire import Operation


def clock_ms() -> int:
    return int(time.time() * 1000)


class Device:
    """`echo`: whatever is applied comes out of the local log again as a change of its own (the Dart client polls its
    write-ahead log, into which applied operations go as well)."""

    def __init__(
        self,
        url: str,
        token: str | None,
        db: str,
        name: str,
        resolver: Resolver = server_wins,
        collections: list[str] | None = None,
        echo: bool = False,
        clock: Callable[[], int] = clock_ms,
        pulls_max: int = 2000,
    ) -> None:
        self.transport = Transport(url, token)
        self.engine = Engine(self.transport, db, name, self.apply, resolver, collections, pulls_max)
        self.name = name
        self.db = db
        self.echo = echo
        self.clock = clock
        self.entities: dict[tuple[str, str], bytes] = {}
        self.applied: list[Operation] = []

    def edit(self, entity: str, value: Any, collection: str = "tasks", version: int | None = None) -> Operation:
        body = cbor2.dumps(value)
        self.entities[collection, entity] = body
        return self.enqueue(collection, entity, "upsert", body, version)

    def delete(self, entity: str, collection: str = "tasks", version: int | None = None) -> Operation:
        self.entities.pop((collection, entity), None)
        return self.enqueue(collection, entity, "delete", None, version)

    def enqueue(self, collection: str, entity: str, kind: str, body: bytes | None, version: int | None) -> Operation:
        now = self.clock()
        op_id = self.engine.log.next()
        version = now if version is None else version
        op = Operation(op_id, self.db, self.name, collection, entity, kind, version, body, now)
        self.engine.queue.add(op)
        return op

    def apply(self, op: Operation) -> None:
        self.applied.append(op)
        if op.kind == "upsert":
            self.entities[op.collection, op.entity] = op.body or b""
        else:
            self.entities.pop((op.collection, op.entity), None)
        if self.echo:
            self.enqueue(op.collection, op.entity, op.kind, op.body, None)

    def sync(self) -> Cycle:
        return self.engine.cycle()

    def sync_all(self, cycles_max: int = 200) -> int:
        """Cycles until the queue is empty; how many it took, or -1 if it is not after so many."""
        for cycle in range(1, cycles_max + 1):
            self.sync()
            if not self.engine.queue.ops:
                return cycle
        return -1

    def state(self) -> dict[str, str]:
        return {f"{collection}/{entity}": body.hex() for (collection, entity), body in sorted(self.entities.items())}
