"""Server-sent events as the Dart client reads them: not as the standard has it."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass
class Event:
    kind: str
    id: str | None
    data: Any


class Parser:
    """Blank lines of LF alone end a block; of several `data:` lines the last one counts; a block needs both `event:` and
    `data:`. A block that fires nothing stays in the buffer. What stands in the buffer is looked at after each chunk, so
    that an event whose blank line comes in the next chunk fires twice."""

    def __init__(self) -> None:
        self.buffer = ""
        self.broken = 0

    def feed(self, chunk: str) -> list[Event]:
        self.buffer += chunk
        events = []
        for block in self.buffer.split("\n\n"):
            event = self.event_of(block)
            if event is not None:
                events.append(event)
                self.buffer = self.buffer.replace(block + "\n\n", "", 1)
        return events

    def event_of(self, block: str) -> Event | None:
        kind = data = event_id = None
        for line in block.split("\n"):
            if line.startswith("event:"):
                kind = line[6:].strip()
            elif line.startswith("data:"):
                data = line[5:].strip()
            elif line.startswith("id:"):
                event_id = line[3:].strip()
        if not kind or not data:
            return None
        try:
            return Event(kind, event_id, json.loads(data))
        except ValueError:
            self.broken += 1
            return None


class Listener:
    """One connection to `/v1/events`, read in a thread of its own."""

    def __init__(
        self,
        url: str,
        token: str | None,
        device: str,
        collections: list[str] | None = None,
        last_id: str | None = None,
        path: str = "/v1/events",
    ) -> None:
        query = {"deviceId": device}
        if collections:
            query["collections"] = ",".join(collections)
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "gzip"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        self.parser = Parser()
        self.events: list[Event] = []
        self.last_id = last_id
        self.ended = False
        self.client = httpx.Client(timeout=httpx.Timeout(10, read=None))
        self.request = self.client.build_request("GET", url + path, params=query, headers=headers)
        self.answer = self.client.send(self.request, stream=True)
        self.status = self.answer.status_code
        self.came = threading.Condition()
        if self.status == 200:
            threading.Thread(target=self.read, daemon=True).start()

    @property
    def is_connected(self) -> bool:
        """Nothing but the event `connected` makes the Dart client believe that it is."""
        return any(event.kind == "connected" for event in self.events)

    def read(self) -> None:
        try:
            for chunk in self.answer.iter_raw():
                with self.came:
                    for event in self.parser.feed(chunk.decode(errors="replace")):
                        self.last_id = event.id or self.last_id
                        self.events.append(event)
                    self.came.notify_all()
        except (httpx.HTTPError, httpx.StreamError):
            pass
        with self.came:
            self.ended = True
            self.came.notify_all()

    def operations(self) -> list[dict[str, Any]]:
        return [op for event in self.events if event.kind == "operations" for op in event.data["operations"]]

    def wait_for(self, wanted: Any, seconds: float = 10) -> bool:
        """Whether `wanted(self)` came true in time."""
        deadline = time.monotonic() + seconds
        with self.came:
            while not wanted(self):
                left = deadline - time.monotonic()
                if left <= 0 or self.ended:
                    return bool(wanted(self))
                self.came.wait(left)
        return True

    def close(self) -> None:
        self.answer.close()
        self.client.close()
