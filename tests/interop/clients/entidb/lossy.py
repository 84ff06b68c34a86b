"""A proxy that hands requests on and, when told, loses their answers: the connection is cut once the answer comes."""

from __future__ import annotations

import socket
import struct
import threading
from urllib.parse import urlsplit

CHUNK = 64 * 1024


class LossyProxy:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.server = (parts.hostname, parts.port)
        self.to_lose = 0
        self.lost = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def lose(self, answers: int) -> None:
        with self.lock:
            self.to_lose = answers

    def accept(self) -> None:
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(self.server)
            threading.Thread(target=self.pass_on, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(far, near, True), daemon=True).start()

    def pass_on(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        try:
            while chunk := source.recv(CHUNK):
                if is_answer and self.loses():
                    # A reset, as of a device that lost its network.
                    target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
                target.sendall(chunk)
        except OSError:
            pass
        # The other thread may be blocked in a read of either.
        for end in (source, target):
            if is_answer or end is target:
                self.end(end, hard=is_answer)

    def loses(self) -> bool:
        with self.lock:
            if self.to_lose == 0:
                return False
            self.to_lose -= 1
            self.lost += 1
            return True

    @staticmethod
    def end(connection: socket.socket, hard: bool) -> None:
        try:
            connection.shutdown(socket.SHUT_RDWR if hard else socket.SHUT_WR)
            if hard:
                connection.close()
        except OSError:
            pass
