"""The WebSocket of the Dart client: no token of its own, but what stands before the `@` of its URL is sent as Basic."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


class Socket:
    def __init__(self, url: str, token: str | None, db: str, device: str, collections: list[str] | None = None) -> None:
        parts = urlsplit(url)
        query = {"deviceId": device, "dbId": db}
        if collections:
            query["collections"] = ",".join(collections)
        user = f"t:{quote(token, safe='')}@" if token is not None else ""
        # Only an https base becomes wss.
        scheme = "wss" if parts.scheme == "https" else "ws"
        # It answers protocol-level pings, and sends none: its own are messages.
        self.connection = connect(
            f"{scheme}://{user}{parts.netloc}/v1/ws?{urlencode(query)}", ping_interval=None, proxy=None, compression=None
        )
        self.messages: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.next_id = 0
        self.close_code: int | None = None
        self.came = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        try:
            for frame in self.connection:
                if isinstance(frame, str):
                    self.take(json.loads(frame))
        except ConnectionClosed:
            pass
        with self.came:
            self.close_code = self.connection.close_code or 1006
            self.came.notify_all()

    def take(self, message: dict[str, Any]) -> None:
        if message["type"] not in {"subscribed", "pullResponse", "pushResponse", "operations", "pong", "error"}:
            # Also the server's `ping`: it is unknown, thus an error, and gets no `pong`.
            self.errors.append(message["type"])
        if message["type"] == "operations":
            self.send("ack", {"cursor": message["data"]["cursor"]})
        with self.came:
            self.messages.append(message)
            self.came.notify_all()

    def send(self, kind: str, data: dict[str, Any], request: str | None = None) -> None:
        message: dict[str, Any] = {"type": kind}
        if request is not None:
            message["id"] = request
        self.connection.send(json.dumps(message | {"data": data}))

    def ping(self) -> None:
        self.send("ping", {"timestamp": int(time.time() * 1000)})

    def ask(self, kind: str, data: dict[str, Any]) -> dict[str, Any] | None:
        """The answer that has the request's number."""
        request = str(self.next_id)
        self.next_id += 1
        self.send(kind, data, request)
        return self.wait_for(lambda message: message.get("id") == request and message["type"] != "operations")

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 10) -> dict[str, Any] | None:
        deadline = time.monotonic() + seconds
        with self.came:
            while True:
                found = next((message for message in self.messages if wanted(message)), None)
                left = deadline - time.monotonic()
                if found is not None or left <= 0 or self.close_code is not None:
                    return found
                self.came.wait(left)

    def close(self) -> None:
        self.connection.close()


def plain(op: Any) -> dict[str, Any]:
    """An operation as JSON: its body is a list of numbers."""
    return {name: list(value) if isinstance(value, bytes) else value for name, value in op.plain().items()}
