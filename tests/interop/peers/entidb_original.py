"""The original sync server's behaviour, its defects left in, for the control: the same client against it shows what is
cured. In memory, one log for all databases, and event streams wired as its in-memory router does.

Prints `{"port": n}` and serves until standard input ends.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cbor2

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
PUBLIC = ("/health", "/v1/version")


class Unauthorized(Exception):
    pass


class Limiter:
    """A bucket for each User-Agent and Host, or for whatever X-Forwarded-For says; when it is empty, one request a
    minute comes back."""

    def __init__(self, requests: int, window: float = 60) -> None:
        self.requests = requests
        self.window = window
        self.buckets: dict[str, tuple[int, float]] = {}

    def takes(self, key: str) -> bool:
        now = time.monotonic()
        left, since = self.buckets.get(key, (self.requests, now))
        if now - since >= self.window:
            left, since = left + 1, now
        self.buckets[key] = (max(left - 1, 0), since)
        return left > 0


class Log:
    """One for all databases. The latest operation of an entity is the entity."""

    def __init__(self) -> None:
        self.ops: list[dict[str, Any]] = []
        self.devices: set[str] = set()
        self.listeners: list[Any] = []
        self.lock = threading.RLock()

    @property
    def head(self) -> int:
        return len(self.ops)

    def latest(self, op: dict[str, Any]) -> dict[str, Any] | None:
        for other in reversed(self.ops):
            if (other["collection"], other["entityId"]) == (op["collection"], op["entityId"]):
                return other
        return None

    def push(self, ops: list[dict[str, Any]]) -> dict[str, Any]:
        acknowledged, conflicts, accepted = 0, [], []
        for op in ops:
            check(op)
            latest = self.latest(op)
            if latest is not None and op["entityVersion"] <= latest["entityVersion"]:
                conflicts.append(conflict(op, latest))
                continue
            stored = op | {"opId": self.head + 1, "timestampMs": int(time.time() * 1000)}
            self.ops.append(stored)
            accepted.append(stored)
            acknowledged = op["opId"]
        for listener in self.listeners:
            listener(accepted)
        return {"acknowledgedUpToOpId": acknowledged, "conflicts": conflicts}

    def pull(self, since: int, limit: int, collections: list[str] | None) -> dict[str, Any]:
        after = self.ops[since:]
        page = [op for op in after[:limit] if not collections or op["collection"] in collections]
        next_cursor = page[-1]["opId"] if page else since
        return {"ops": page, "nextCursor": next_cursor, "hasMore": len(after) > limit}


def check(op: dict[str, Any]) -> None:
    for name, kind in [
        ("opId", int), ("dbId", str), ("deviceId", str), ("collection", str), ("entityId", str), ("opType", str),
        ("entityVersion", int), ("timestampMs", int),
    ]:  # fmt: skip
        if not isinstance(op.get(name), kind):
            raise ValueError(f'type "Null" is not a subtype of "{name}"')
    if op["opType"] not in ("upsert", "delete"):
        raise ValueError(f"Unknown operation type: {op['opType']}")


def conflict(op: dict[str, Any], latest: dict[str, Any]) -> dict[str, Any]:
    state = {
        "entityVersion": latest["entityVersion"],
        "entityCbor": latest.get("entityCbor", b""),
        "lastModified": latest["timestampMs"],
    }
    return {"collection": op["collection"], "entityId": op["entityId"], "clientOp": op, "serverState": state}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    log_: Log
    secret: str
    limiter: Limiter

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self.handle_one("GET", b"")

    def do_POST(self) -> None:
        # Read whole, however long it is.
        self.handle_one("POST", self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def handle_one(self, method: str, body: bytes) -> None:
        path = urlsplit(self.path).path
        if path != "/health" and not self.limiter.takes(self.limiter_key()):
            error = {"code": 7, "message": "Rate limit exceeded. Try again in 59s."}
            return self.answer(429, "application/cbor", cbor2.dumps(error), {"Retry-After": "59"})
        try:
            if not path.startswith(PUBLIC):
                self.check_token()
        except Unauthorized as error:
            content = cbor2.dumps({"code": 2, "message": str(error)})
            return self.answer(401, "application/cbor", content, {"WWW-Authenticate": 'Bearer realm="sync"'})
        self.route(method, path, body)

    def route(self, method: str, path: str, body: bytes) -> None:
        message = path.removeprefix("/v1/")
        if method == "POST" and message in ("handshake", "pull", "push"):
            return self.message(message, body)
        if method == "GET" and path == "/health":
            return self.json(200, {"status": "ok"})
        if method == "GET" and path == "/v1/version":
            return self.json(200, {"version": 1, "minSupported": 1})
        if method == "GET" and path == "/v1/stats":
            log = self.log_
            return self.json(200, {"cursor": log.head, "oplogSize": len(log.ops), "deviceCount": len(log.devices)})
        if method == "GET" and path == "/v1/events":
            return self.events()
        self.answer(404, "text/plain", b"Route not found", {})

    def message(self, name: str, body: bytes) -> None:
        with self.log_.lock:
            try:
                plain = cbor2.loads(body)
                content = cbor2.dumps(getattr(self, name)(plain))
            except Exception as error:
                # Built by string pasting: quotes are not escaped.
                text = f'{{"error": "Invalid {name} request: {error}"}}'
                return self.answer(400, "application/json", text.encode(), {})
        self.answer(200, "application/cbor", content, {})

    def handshake(self, plain: dict[str, Any]) -> dict[str, Any]:
        self.log_.devices.add(plain["deviceId"])
        return {"serverCursor": self.log_.head, "capabilities": {"pull": True, "push": True, "sse": False}}

    def pull(self, plain: dict[str, Any]) -> dict[str, Any]:
        return self.log_.pull(plain["sinceCursor"], plain.get("limit", 100), plain.get("collections"))

    def push(self, plain: dict[str, Any]) -> dict[str, Any]:
        return self.log_.push(plain["ops"])

    def events(self) -> None:
        """`connected` went out before anybody listened, and texts are written as UTF-16 units cut to bytes."""
        queue: list[list[dict[str, Any]]] = []
        came = threading.Condition()

        def listen(ops: list[dict[str, Any]]) -> None:
            with came:
                queue.append(ops)
                came.notify()

        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.log_.listeners.append(listen)
        while True:
            with came:
                came.wait_for(lambda: queue)
                ops = queue.pop(0)
            self.wfile.write(block(ops))

    def limiter_key(self) -> str:
        forwarded = self.headers.get("X-Forwarded-For") or self.headers.get("X-Real-IP")
        return forwarded or f"{self.headers.get('User-Agent')}|{self.headers.get('Host')}"

    def check_token(self) -> None:
        """The claims are not looked at, but for `exp` if it is there."""
        field = self.headers.get("Authorization")
        if field is None:
            raise Unauthorized("Missing authorization header")
        if not field.startswith("Bearer "):
            raise Unauthorized("Invalid authorization format")
        try:
            head, claims, signature = (decode(part) for part in field[7:].split("."))
            digest = HASHES[json.loads(head)["alg"]]
            text = field[7:].rpartition(".")[0].encode()
            is_good = hmac.compare_digest(hmac.new(self.secret.encode(), text, digest).digest(), signature)
            expiry = json.loads(claims).get("exp")
        except Exception as error:
            raise Unauthorized(f"Invalid token: {error}") from error
        if not is_good:
            raise Unauthorized("Invalid token: signature")
        if expiry is not None and expiry <= time.time():
            raise Unauthorized("Token has expired")

    def json(self, status: int, plain: dict[str, Any]) -> None:
        self.answer(status, "application/json", json.dumps(plain).encode(), {})

    def answer(self, status: int, kind: str, content: bytes, fields: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(content))} | fields).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_arguments: object) -> None:
        """Clients that go are nothing to tell of."""


def decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def block(ops: list[dict[str, Any]]) -> bytes:
    plain = [{name: value for name, value in op.items() if name != "entityCbor"} for op in ops]
    cursor = ops[-1]["opId"] if ops else 0
    data = json.dumps({"cursor": cursor, "operations": plain, "count": len(ops)}, ensure_ascii=False)
    text = f"event: operations\nid: {cursor}-1\ndata: {data}\n\n"
    # The low byte of each UTF-16 unit.
    return text.encode("utf-16-le")[::2]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--secret", required=True)
    parser.add_argument("--requests", type=int, default=1_000_000, help="of the rate limit; the original has 100")
    options = parser.parse_args()
    Handler.log_, Handler.secret, Handler.limiter = Log(), options.secret, Limiter(options.requests)
    server = Server(("127.0.0.1", 0), Handler)
    print(json.dumps({"port": server.server_port}), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


main()
