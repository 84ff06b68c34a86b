"""A node that signals the way Synapse-NG's nodes do, with their weaknesses left in.

It polls each two seconds over a new connection, gathers every candidate before it sends a description, keeps one
connection for each peer and puts a new one in its place for whatever offer comes, never tries again, and falls over a
candidate that comes by itself.

It runs until its standard input ends, and prints a line of JSON for everything that happens to it.
"""

import argparse
import asyncio
import http.client
import json
import os
import random
import sys
import threading
from urllib.parse import quote, urlsplit

from aiortc import RTCConfiguration, RTCDataChannel, RTCIceServer, RTCPeerConnection, RTCSessionDescription

LIMIT_SECONDS = 60
POLL_SECONDS = 2
TIMEOUT_SECONDS = 5
LABEL = "synapse-data"


def tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


async def fetch(method: str, url: str, body: object = None) -> object:
    """One request on a connection of its own."""

    def exchange() -> object:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)
        try:
            text = None if body is None else json.dumps(body)
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request(method, target, text, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status == 200, f"{method} {url}: {answer.status} {content!r}"
            return json.loads(content)
        finally:
            connection.close()

    return await asyncio.to_thread(exchange)


class Node:
    def __init__(self, options: argparse.Namespace) -> None:
        self.id: str = options.id
        self.rendezvous: str = options.rendezvous
        servers = [RTCIceServer(**server) for server in json.loads(options.ice_servers)]
        self.configuration = RTCConfiguration(iceServers=servers)
        self.connections: dict[str, RTCPeerConnection] = {}
        self.address: str = options.address
        self.url = ""

    async def serve_state(self) -> None:
        """What other nodes ask to learn who is behind a URL."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            body = json.dumps({"global": {"nodes": {self.id: {"id": self.id, "url": self.url}}}}).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            writer.write(head + body)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, self.address, 0)
        self.url = f"http://{self.address}:{server.sockets[0].getsockname()[1]}"

    async def discover_forever(self, seconds: float) -> None:
        """Registers, asks for others, and dials one that it does not know."""
        while True:
            await fetch("POST", f"{self.rendezvous}/register", {"url": self.url})
            urls = await fetch("GET", f"{self.rendezvous}/get_peers?limit=10")
            url = random.choice([url for url in urls if url != self.url] or [None])
            if url:
                state = await fetch("GET", f"{url}/state")
                for node in state["global"]["nodes"].values():
                    if node["url"] == url and node["id"] not in self.connections:
                        await self.dial(node["id"])
            await asyncio.sleep(random.uniform(seconds, 2 * seconds))

    async def poll_forever(self) -> None:
        while True:
            for message in await fetch("GET", f"{self.rendezvous}/signal/poll/{quote(self.id, safe='')}"):
                await self.handle(message["from_peer"], message["type"], message["payload"])
            await asyncio.sleep(POLL_SECONDS)

    async def handle(self, peer: str, kind: str, payload: dict[str, str]) -> None:
        tell(got=kind, by=peer)
        if kind == "offer":
            connection = self.connect(peer)
            await connection.setRemoteDescription(RTCSessionDescription(**payload))
            await connection.setLocalDescription(await connection.createAnswer())
            await self.send(peer, connection)
        elif kind == "answer":
            await self.connections[peer].setRemoteDescription(RTCSessionDescription(**payload))
        else:
            raise TypeError(f"{kind} that came by itself")

    async def dial(self, peer: str) -> None:
        connection = self.connect(peer)
        self.watch(peer, connection.createDataChannel(LABEL))
        await connection.setLocalDescription(await connection.createOffer())
        await self.send(peer, connection)

    async def send(self, peer: str, connection: RTCPeerConnection) -> None:
        description = connection.localDescription
        payload = {"sdp": description.sdp, "type": description.type}
        body = {"from_peer": self.id, "to_peer": peer, "type": description.type, "payload": payload}
        answer = await fetch("POST", f"{self.rendezvous}/signal/send", body)
        assert answer == {"status": "delivered"}, answer
        tell(sent=description.type, to=peer)

    def connect(self, peer: str) -> RTCPeerConnection:
        """Puts a new connection in the place of whatever was there, which it forgets without closing it."""
        connection = RTCPeerConnection(self.configuration)
        self.connections[peer] = connection
        connection.on("datachannel", lambda channel: self.watch(peer, channel))
        return connection

    def watch(self, peer: str, channel: RTCDataChannel) -> None:
        def opened() -> None:
            tell(open=channel.label, peer=peer)
            channel.send(f"from {self.id}")

        channel.on("message", lambda text: tell(heard=text, peer=peer))
        if channel.readyState == "open":
            opened()
        else:
            channel.on("open", opened)


async def run(options: argparse.Namespace) -> None:
    node = Node(options)
    is_dialled = options.dial and options.dial_first == "yes"
    if is_dialled:
        await node.dial(options.dial)
    tasks = [node.poll_forever()]
    if options.dial and not is_dialled:
        tasks.append(node.dial(options.dial))
    if options.discover:
        await node.serve_state()
        tasks.append(node.discover_forever(options.discover))
    await asyncio.gather(*tasks)


def go_with_standard_input() -> None:
    sys.stdin.read()
    os._exit(3)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rendezvous", required=True, help="its URL")
    parser.add_argument("--id", required=True)
    parser.add_argument("--ice-servers", default="[]", help="a JSON list")
    parser.add_argument("--dial", help="the id of a peer to dial")
    parser.add_argument("--dial-first", help="dial before the first poll", default="no", choices=["yes", "no"])
    parser.add_argument("--discover", type=float, help="look for other nodes so often, in seconds; as long again at random")
    parser.add_argument("--address", default="127.0.0.1", help="where other nodes reach this one")
    options = parser.parse_args()
    threading.Thread(target=go_with_standard_input, daemon=True).start()
    asyncio.run(asyncio.wait_for(run(options), LIMIT_SECONDS))


main()
