"""The log of local changes, and the queue of those that were not acknowledged yet."""

from __future__ import annotations

from entidb.wire import Operation

KEPT = 1000


class LocalLog:
    """Numbers local changes. Only the acknowledged number is saved, so that a restart hands numbers out again."""

    def __init__(self) -> None:
        self.last = 0
        self.saved = 0

    def next(self) -> int:
        self.last += 1
        return self.last

    def acknowledged(self, op_id: int) -> None:
        self.saved = op_id

    def restart(self) -> None:
        self.last = self.saved


class Queue:
    """What waits to be pushed, in order of numbers. It outlasts a restart; its file is of no interest here."""

    def __init__(self) -> None:
        self.ops: list[Operation] = []

    def add(self, op: Operation) -> None:
        """A number that is queued already is dropped without a word."""
        if all(queued.op_id != op.op_id for queued in self.ops):
            self.ops.append(op)
            del self.ops[:-KEPT]

    def pending(self, after: int, limit: int) -> list[Operation]:
        return [op for op in self.ops if op.op_id > after][:limit]

    def drop_to(self, op_id: int) -> None:
        self.ops = [op for op in self.ops if op.op_id > op_id]
