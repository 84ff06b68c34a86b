"""A whole node that behaves as Synapse-NG's do on the wire, with their weaknesses left in.

It has the HTTP API of the original, meets others by a rendezvous, by bootstrap nodes and on the LAN, gossips its
state over HTTP and links with aiortc: whole descriptions, one connection for each peer that a new offer replaces,
no second attempt, no look at who signals. SynapseSub messages are counted and never applied; only the older
`gossip` frame and POST /gossip change its state.

It runs until its standard input ends. A line there is an order: `dial ID`, `gossip ID`, `say ID TEXT`. It prints a line of
JSON for everything that happens to it.
"""

import argparse
import asyncio
import base64
import json
import os
import random
import sys
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from aiortc import RTCConfiguration, RTCDataChannel, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LIMIT_SECONDS = 600
POLL_SECONDS = 2
TIMEOUT_SECONDS = 5
LABEL = "synapse-data"
SERVICE = "_synapse-ng._tcp.local."
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 422: "Unprocessable Entity", 500: "Oops"}


def tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


class Refusal(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def load_key(path: Path) -> Ed25519PrivateKey:
    """The key in that file, which everybody may read, as with the original."""
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        assert isinstance(key, Ed25519PrivateKey)
        return key
    key = Ed25519PrivateKey.generate()
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(*encoding))
    return key


async def fetch(method: str, url: str, body: object = None, timeout: float = TIMEOUT_SECONDS) -> tuple[int, object]:
    """One request on a connection of its own."""

    async def exchange() -> tuple[int, object]:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        try:
            content = b"" if body is None else json.dumps(body).encode()
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            head = f"{method} {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
            head += f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + content)
            await writer.drain()
            status, headers, rest = await read_message(reader)
            length = headers.get("content-length")
            if headers.get("transfer-encoding") == "chunked":
                text = unchunked(rest + await reader.read())
            else:
                text = rest + (await reader.readexactly(int(length) - len(rest)) if length else await reader.read())
            return int(status.split()[1]), json.loads(text or b"null")
        finally:
            writer.close()

    return await asyncio.wait_for(exchange(), timeout)


def unchunked(text: bytes) -> bytes:
    whole = b""
    while text:
        size, text = text.split(b"\r\n", 1)
        length = int(size, 16)
        whole, text = whole + text[:length], text[length + 2 :]
    return whole


async def read_message(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """The first line and the headers."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    return lines[0], {name.lower(): value for name, value in headers.items()}, b""


class State:
    """What it says about itself and its channels, and the rules by which it takes what others say."""

    def __init__(self, node_id: str, url: str, channels: list[str]) -> None:
        own = {"id": node_id, "url": url, "kx_public_key": "", "last_seen": time.time(), "version": 1}
        own |= {"reputation": {"_total": 0, "_last_updated": "", "tags": {}}, "balance": 1000}
        self.id = node_id
        self.document: dict[str, dict] = {"global": {"nodes": {node_id: own}, "proposals": {}, "config_version": 1}}
        for channel in channels:
            self.document[channel] = {"participants": [node_id], "tasks": {}, "proposals": {}}

    def touch(self) -> None:
        own = self.document["global"]["nodes"][self.id]
        own["last_seen"], own["version"] = time.time(), own["version"] + 1

    def merge(self, channel: str, theirs: dict) -> None:
        mine = self.document[channel]
        for node_id, node in theirs.get("nodes", {}).items():
            known = mine["nodes"].get(node_id)
            if node_id != self.id and (known is None or node["last_seen"] > known["last_seen"]):
                mine["nodes"][node_id] = node
                if known is None:
                    tell(learned=node_id, url=node["url"])
        if "participants" in mine:
            mine["participants"] = sorted({*mine["participants"], *theirs.get("participants", [])})
        for task_id, task in theirs.get("tasks", {}).items():
            known = mine["tasks"].get(task_id)
            if known is None or task["updated_at"] > known["updated_at"]:
                mine["tasks"][task_id] = task
                tell(task=task_id, channel=channel)


class Node:
    def __init__(self, options: argparse.Namespace) -> None:
        self.key = load_key(Path(options.data) / "ed25519_private_key.pem")
        raw = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = base64.urlsafe_b64encode(raw).decode()
        self.options = options
        servers = [RTCIceServer(**server) for server in json.loads(options.ice_servers)]
        self.configuration = RTCConfiguration(iceServers=servers)
        self.connections: dict[str, RTCPeerConnection] = {}
        self.channels: dict[str, RTCDataChannel] = {}
        self.known: set[str] = set()
        self.subscriptions = ["global", *[name for name in options.channels.split(",") if name]]
        self.seen: set[str] = set()

    async def start(self) -> None:
        server = await asyncio.start_server(self.serve, self.options.address, self.options.port)
        port = server.sockets[0].getsockname()[1]
        self.url = f"http://{self.options.address}:{port}"
        self.state = State(self.id, self.url, self.subscriptions[1:])
        if self.options.mdns != "off":
            await self.announce(port)
        tell(node=self.id, url=self.url)

    # the HTTP API

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line, headers, _ = await read_message(reader)
            method, target, _ = line.split(" ", 2)
            content = await reader.readexactly(int(headers.get("content-length", 0)))
            status, answer = await self.answer(method, unquote(urlsplit(target).path), json.loads(content or b"{}"))
            text = json.dumps(answer).encode()
            head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n"
            writer.write(head.encode() + f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode() + text)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, method: str, path: str, body: dict) -> tuple[int, object]:
        try:
            match (method, path):
                case ("GET", "/whoami"):
                    return 200, {"node_id": self.id}
                case ("GET", "/channels"):
                    return 200, self.subscriptions
                case ("GET", "/state"):
                    return 200, self.state.document
                case ("POST", "/gossip"):
                    return 200, self.take_packet(body, "http")
                case ("POST", "/bootstrap/handshake"):
                    return 200, self.handshake(body)
                case ("POST", "/p2p/signal/receive"):
                    await self.handle(body["from_peer"], body["type"], body["payload"])
                    return 200, {"status": "processed"}
                case ("POST", "/p2p/signal/relay"):
                    return 200, await self.relay(body)
                case ("GET", "/webrtc/connections"):
                    return 200, {peer: connection.connectionState for peer, connection in self.connections.items()}
                case _:
                    return 404, {"detail": "Not Found"}
        except Refusal as refusal:
            return refusal.status, {"detail": refusal.detail}
        except Exception as error:  # as its framework answers whatever it did not expect
            tell(failed=path, error=repr(error))
            return 500, {"detail": "Internal Server Error"}

    def handshake(self, body: dict) -> dict:
        peer, url = body.get("peer_id"), body.get("peer_url")
        if not peer or not url:
            raise Refusal(400, "peer_id e peer_url sono obbligatori")
        self.known.add(url)
        tell(handshake=peer, url=url)
        known = sorted(self.known)[:10]
        return {"node_id": self.id, "node_url": self.url, "channels": self.subscriptions, "known_peers": known}

    async def relay(self, body: dict) -> dict:
        if not all(body.get(name) for name in ("from_peer", "to_peer", "type", "payload")):
            raise Refusal(400, "Parametri incompleti")
        channel = self.channels.get(body["to_peer"])
        if channel and channel.readyState == "open":
            frame = {"type": "SIGNAL_RELAY", "from_peer": body["from_peer"], "signal_type": body["type"]}
            channel.send(json.dumps(frame | {"payload": body["payload"]}))
            return {"status": "relayed"}
        node = self.state.document["global"]["nodes"].get(body["to_peer"])
        if not node:
            raise Refusal(404, "Destinatario non raggiungibile")
        signal = {name: body[name] for name in ("from_peer", "type", "payload")}
        await fetch("POST", f"{node['url']}/p2p/signal/receive", signal)
        return {"status": "relayed_http"}

    # gossip

    def packet(self, channel: str) -> dict:
        payload = json.dumps(self.state.document[channel], separators=(",", ":"))
        signature = base64.urlsafe_b64encode(self.key.sign(payload.encode())).decode()
        return {"channel_id": channel, "payload": payload, "sender_id": self.id, "signature": signature}

    def take_packet(self, packet: dict, by: str) -> dict:
        key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(packet["sender_id"]))
        try:
            key.verify(base64.urlsafe_b64decode(packet["signature"]), packet["payload"].encode())
        except InvalidSignature as error:
            raise Refusal(401, f"Firma non valida: {error}") from error
        channel = packet["channel_id"]
        if channel not in self.state.document:
            return {"status": "ignored_unsubscribed_channel"}
        tell(gossip=channel, sender=packet["sender_id"], by=by)
        self.state.merge(channel, json.loads(packet["payload"]))
        return self.packet(channel)

    # discovery

    async def maintain_forever(self) -> None:
        seconds = self.options.pace
        if not self.options.rendezvous:
            for url in filter(None, self.options.bootstrap.split(",")):
                await self.meet(url)
        while True:
            try:
                await self.maintain()
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
                tell(unreachable=repr(error))
            await asyncio.sleep(random.uniform(seconds, 2 * seconds))

    async def meet(self, url: str) -> None:
        _, answer = await fetch("POST", f"{url}/bootstrap/handshake", {"peer_id": self.id, "peer_url": self.url}, 10)
        self.known |= {url, *answer["known_peers"]} - {self.url}
        tell(met=answer["node_id"], url=url)
        await self.dial(answer["node_id"])

    async def maintain(self) -> None:
        self.state.touch()
        if self.options.rendezvous:
            await fetch("POST", f"{self.options.rendezvous}/register", {"url": self.url})
            _, urls = await fetch("GET", f"{self.options.rendezvous}/get_peers?limit=10")
            self.known |= set(urls) - {self.url}
        if not self.known:
            return
        url = random.choice(sorted(self.known))
        try:
            _, state = await fetch("GET", f"{url}/state")
            for node in list(state["global"]["nodes"].values()):
                if node["url"] == url and node["id"] != self.id and node["id"] not in self.connections:
                    await self.dial(node["id"])
            _, theirs = await fetch("GET", f"{url}/channels")
            for channel in set(theirs) & set(self.subscriptions):
                _, reply = await fetch("POST", f"{url}/gossip", self.packet(channel))
                self.state.merge(channel, json.loads(reply["payload"]))
        except OSError:
            self.known.discard(url)
            raise

    async def announce(self, port: int) -> None:
        from zeroconf import IPVersion, ServiceStateChange
        from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

        self.zeroconf = AsyncZeroconf(ip_version=IPVersion.V4Only, interfaces=[self.options.address])
        text = {"node_id": self.id, "node_url": self.url, "channels": json.dumps(self.subscriptions)}
        host = f"host-{self.id[:4].lower().strip('-_')}.local."
        address = bytes(int(part) for part in self.options.address.split("."))
        name = f"synapse-ng-{self.id[:8]}.{SERVICE}"
        info = AsyncServiceInfo(SERVICE, name, addresses=[address], port=port, properties=text, server=host)
        await self.zeroconf.async_register_service(info)
        if self.options.mdns != "both":
            return  # the original's browser dies of its first event
        loop = asyncio.get_running_loop()

        async def look(found: str) -> None:
            service = AsyncServiceInfo(SERVICE, found)
            if not await service.async_request(self.zeroconf.zeroconf, 3000):
                return
            said = {key.decode(): (value or b"").decode() for key, value in service.properties.items()}
            if said["node_id"] != self.id:
                tell(mdns=said["node_id"], url=said["node_url"], channels=said["channels"])
                self.known.add(said["node_url"])

        def changed(zeroconf: object, service_type: str, name: str, state_change: object) -> None:
            if state_change is ServiceStateChange.Removed:
                tell(goodbye=name)
            else:
                asyncio.run_coroutine_threadsafe(look(name), loop)

        self.browser = AsyncServiceBrowser(self.zeroconf.zeroconf, SERVICE, handlers=[changed])

    # signals and links

    async def poll_forever(self) -> None:
        while True:
            try:
                url = f"{self.options.rendezvous}/signal/poll/{quote(self.id, safe='')}"
                _, signals = await fetch("GET", url)
                try:
                    for signal in signals:
                        await self.handle(signal["from_peer"], signal["type"], signal["payload"])
                except Exception as error:  # one of them costs the rest of the batch
                    tell(batch_lost=repr(error))
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
                tell(unreachable=repr(error))
            await asyncio.sleep(POLL_SECONDS)

    async def handle(self, peer: str, kind: str, payload: dict[str, str]) -> None:
        tell(got=kind, by=peer)
        if kind == "offer":
            connection = self.connect(peer)
            await connection.setRemoteDescription(RTCSessionDescription(sdp=payload["sdp"], type=payload["type"]))
            await connection.setLocalDescription(await connection.createAnswer())
            await self.describe(peer, connection)
        elif kind == "answer":
            description = RTCSessionDescription(sdp=payload["sdp"], type=payload["type"])
            await self.connections[peer].setRemoteDescription(description)
        elif kind == "ice-candidate":
            raise TypeError("a candidate that came by itself")

    async def dial(self, peer: str) -> None:
        connection = self.connect(peer)
        self.watch(peer, connection.createDataChannel(LABEL))
        await connection.setLocalDescription(await connection.createOffer())
        await self.describe(peer, connection)

    async def describe(self, peer: str, connection: RTCPeerConnection) -> None:
        description = connection.localDescription
        payload = {"sdp": description.sdp, "type": description.type}
        if self.options.rendezvous:
            body = {"from_peer": self.id, "to_peer": peer, "type": description.type, "payload": payload}
            await fetch("POST", f"{self.options.rendezvous}/signal/send", body)
            tell(sent=description.type, to=peer, by="rendezvous")
        else:
            await self.send_between_peers(peer, description.type, payload)

    async def send_between_peers(self, peer: str, kind: str, payload: dict) -> None:
        nodes = self.state.document["global"]["nodes"]
        body = {"from_peer": self.id, "to_peer": peer, "type": kind, "payload": payload}
        for relay, channel in self.channels.items():
            if channel.readyState == "open" and relay in nodes and relay != peer:
                status, _ = await fetch("POST", f"{nodes[relay]['url']}/p2p/signal/relay", body)
                if status == 200:
                    return tell(sent=kind, to=peer, by=relay)
        if peer not in nodes:
            return tell(lost=kind, to=peer)
        signal = {name: body[name] for name in ("from_peer", "type", "payload")}
        await fetch("POST", f"{nodes[peer]['url']}/p2p/signal/receive", signal)
        tell(sent=kind, to=peer, by="http")

    def connect(self, peer: str) -> RTCPeerConnection:
        """Puts a new connection in the place of whatever was there, which it forgets without closing it."""
        connection = RTCPeerConnection(self.configuration)
        self.connections[peer] = connection
        connection.on("datachannel", lambda channel: self.watch(peer, channel))
        connection.on("connectionstatechange", lambda: tell(state=connection.connectionState, peer=peer))
        return connection

    def watch(self, peer: str, channel: RTCDataChannel) -> None:
        self.channels[peer] = channel
        channel.on("message", lambda text: self.hear(peer, text))
        channel.on("close", lambda: tell(closed=peer))
        if channel.readyState == "open":
            tell(open=channel.label, peer=peer)
        else:
            channel.on("open", lambda: tell(open=channel.label, peer=peer))

    def hear(self, peer: str, text: object) -> None:
        try:
            message = json.loads(text)
            kind = message["type"]
        except (TypeError, ValueError, KeyError):
            return tell(heard=repr(text)[:200], peer=peer)
        if kind == "gossip":
            try:
                self.take_packet(message["packet"], "channel")
            except Refusal as refusal:
                tell(refused=refusal.detail, peer=peer)
        elif kind in ("ANNOUNCE", "MESSAGE", "I_HAVE", "I_WANT", "PING", "PONG"):
            names = {"type", "topic", "payload", "sender_id", "timestamp", "message_id"}
            if set(message) != names:
                return tell(dropped=sorted(message), peer=peer)
            if message["message_id"] not in self.seen:
                self.seen.add(message["message_id"])
                tell(heard=kind, topic=message["topic"], peer=peer)
        else:
            tell(heard=kind, peer=peer)

    def order(self, line: str) -> None:
        words = line.split(maxsplit=2)
        match words:
            case ["dial", peer]:
                asyncio.ensure_future(self.dial(peer))
            case ["gossip", peer]:
                self.channels[peer].send(json.dumps({"type": "gossip", "packet": self.packet("global")}))
            case ["task", channel]:
                task = {"id": str(uuid.uuid4()), "title": "a task", "updated_at": time.strftime("%Y-%m-%dT%H:%M:%S")}
                self.state.document[channel]["tasks"][task["id"]] = task
                tell(made=task["id"])
            case ["say", peer, text]:
                self.channels[peer].send(text)
            case _:
                tell(unknown=line)


async def run(options: argparse.Namespace) -> None:
    node = Node(options)
    await node.start()
    loop = asyncio.get_running_loop()

    def orders() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(node.order, line)
        os._exit(3)

    threading.Thread(target=orders, daemon=True).start()
    tasks = [node.maintain_forever()] if options.pace else []
    if options.rendezvous:
        tasks.append(node.poll_forever())
    await asyncio.gather(*tasks, asyncio.Event().wait())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="a directory for its key")
    parser.add_argument("--address", required=True, help="an address that is not of the loopback interface")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rendezvous", default="", help="its URL; without one it works from node to node")
    parser.add_argument("--bootstrap", default="", help="URLs of nodes, separated by commas")
    parser.add_argument("--channels", default="", help="names, separated by commas")
    parser.add_argument("--ice-servers", default="[]", help="a JSON list")
    parser.add_argument("--mdns", default="off", choices=["off", "announce", "both"], help="both is what was meant")
    parser.add_argument("--pace", type=float, default=5, help="seconds between two rounds, as long again at random; 0: none")
    options = parser.parse_args()
    asyncio.run(asyncio.wait_for(run(options), LIMIT_SECONDS))


main()
