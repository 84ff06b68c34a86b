"""HTTP as the Dart client does it: three attempts after lost connections and statuses from 500 up, none after others."""

from __future__ import annotations

import random
import time
from urllib.parse import urljoin

import httpx

ATTEMPTS = 3
WAITS_SECONDS = (1.0, 2.0)
JITTER = 0.25
TIMEOUT_SECONDS = 30


class Refused(Exception):
    """Any status but 200: the Dart client ends its cycle and never reads the body."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.request.url.path}: {answer.status_code} {answer.content[:200]!r}")
        self.status = answer.status_code
        self.answer = answer


class Transport:
    def __init__(self, url: str, token: str | None, wait_scale: float = 0.02) -> None:
        self.url = url
        self.token = token
        self.wait_scale = wait_scale
        self.client = httpx.Client(timeout=TIMEOUT_SECONDS, headers={"User-Agent": "Dart/3.5 (dart:io)"})
        self.requests = 0
        self.retries = 0

    def post(self, path: str, body: bytes) -> bytes:
        """The body of a 200."""
        for attempt in range(ATTEMPTS):
            is_last = attempt + 1 == ATTEMPTS
            try:
                answer = self.send("POST", path, body)
            except httpx.TimeoutException:
                raise
            except httpx.TransportError:
                if is_last:
                    raise
            else:
                if answer.status_code == 200:
                    return answer.content
                if answer.status_code < 500 or is_last:
                    raise Refused(answer)
            self.retries += 1
            time.sleep(WAITS_SECONDS[attempt] * random.uniform(1 - JITTER, 1 + JITTER) * self.wait_scale)
        raise AssertionError("unreachable")

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> httpx.Response:
        """One attempt. A path of the base URL and its query are lost, as the Dart client resolves anew."""
        self.requests += 1
        fields = {"Accept": "application/cbor", "Accept-Encoding": "gzip"}
        if body is not None:
            fields["Content-Type"] = "application/cbor"
        if self.token is not None:
            fields["Authorization"] = f"Bearer {self.token}"
        fields.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.client.request(method, urljoin(self.url, path), content=body, headers=fields)

    def close(self) -> None:
        self.client.close()
