"""Random messages, written in every way that CBOR allows and then damaged: the server must take what cbor2 takes and the
protocol allows, and refuse the rest."""

from __future__ import annotations

import io
import random
import struct
from collections import Counter
from collections.abc import Mapping
from typing import Any

import cbor2
from entidb_sync.bench import Bench

CASES = 1500
DEVICE = "fuzzer"
# Of tags whose content cbor2 would change, it is told to leave it alone.
CHANGED_BY_CBOR2 = (0, 1, 2, 3, 4, 5, 30, 35, 36, 37, 52, 54, 100, 258, 260, 261, 1004, 43000, 55799)
TAGS = (0, 1, 2, 24, 4711, 55799)
UNDECIDED = None


class Tagged:
    def __init__(self, number: int, value: Any) -> None:
        self.number = number
        self.value = value


class Pairs:
    """A map as it is written: keys in this order, perhaps twice."""

    def __init__(self, pairs: list[tuple[Any, Any]]) -> None:
        self.pairs = pairs


class Writer:
    """Any of the ways there are to write a value."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.looseness = dice.choice([0, 0.1, 0.5])

    def is_loose(self) -> bool:
        return self.dice.random() < self.looseness

    def head(self, major: int, number: int) -> bytes:
        widths = [(24, ">B", 2**8), (25, ">H", 2**16), (26, ">I", 2**32), (27, ">Q", 2**64)]
        fitting = [width for width in widths if number < width[2]]
        if number < 24 and not self.is_loose():
            return bytes([major << 5 | number])
        info, form, _ = self.dice.choice(fitting) if self.is_loose() else fitting[0]
        return bytes([major << 5 | info]) + struct.pack(form, number)

    def text(self, major: int, content: bytes, pieces: list[bytes]) -> bytes:
        if not self.is_loose():
            return self.head(major, len(content)) + content
        return bytes([major << 5 | 31]) + b"".join(self.head(major, len(piece)) + piece for piece in pieces) + b"\xff"

    def write(self, value: Any) -> bytes:
        if isinstance(value, Tagged):
            return self.head(6, value.number) + self.write(value.value)
        if self.dice.random() < self.looseness / 20:
            return self.head(6, self.dice.choice(TAGS)) + self.write(value)
        if isinstance(value, (bool, float)) or value is None:
            return cbor2.dumps(value)
        if isinstance(value, int):
            return self.head(0, value) if value >= 0 else self.head(1, -1 - value)
        if isinstance(value, str):
            cut = self.dice.randint(0, len(value))
            return self.text(3, value.encode(), [value[:cut].encode(), value[cut:].encode()])
        if isinstance(value, bytes):
            cut = self.dice.randint(0, len(value))
            return self.text(2, value, [value[:cut], value[cut:]])
        if isinstance(value, list):
            return self.container(4, [self.write(one) for one in value])
        pairs = value.pairs if isinstance(value, Pairs) else list(value.items())
        return self.container(5, [self.write(key) + self.write(one) for key, one in pairs])

    def container(self, major: int, items: list[bytes]) -> bytes:
        if self.is_loose():
            return bytes([major << 5 | 31]) + b"".join(items) + b"\xff"
        return self.head(major, len(items)) + b"".join(items)


class Maker:
    """Messages of the three kinds, with something odd in some of them."""

    def __init__(self, dice: random.Random, db: str) -> None:
        self.dice = dice
        self.db = db
        self.op_id = 0

    def message(self) -> tuple[str, Any]:
        kind = self.dice.choice(["handshake", "pull", "push", "push"])
        plain = getattr(self, kind)()
        return kind, self.odd(plain) if self.dice.random() < 0.6 else plain

    def handshake(self) -> dict[str, Any]:
        info: dict[str, Any] = {"platform": "web", "appVersion": "1"}
        if self.dice.random() < 0.5:
            info["metadata"] = self.dice.choice([{}, {"os": "14"}, None])
        return {"dbId": self.db, "deviceId": DEVICE, "clientInfo": info}

    def pull(self) -> dict[str, Any]:
        plain: dict[str, Any] = {"dbId": self.db, "sinceCursor": self.dice.choice([0, 23, 24, 70_000, 2**40])}
        if self.dice.random() < 0.8:
            plain["limit"] = self.dice.choice([1, 100, 5000, None])
        if self.dice.random() < 0.5:
            plain["collections"] = self.dice.choice([None, [], ["tasks"], ["tasks", "größer"]])
        return plain

    def push(self) -> dict[str, Any]:
        return {"dbId": self.db, "deviceId": DEVICE, "ops": [self.operation() for _ in range(self.dice.randint(0, 3))]}

    def operation(self) -> dict[str, Any]:
        self.op_id += 1
        kind = self.dice.choice(["upsert", "upsert", "delete", "PUT", "DELETE"])
        plain = {
            "opId": self.op_id,
            "dbId": self.db,
            "deviceId": DEVICE,
            "collection": "tasks",
            "entityId": f"e{self.dice.randint(0, 40)}-ü",
            "opType": kind,
            "entityVersion": self.op_id,
        }
        if kind in ("upsert", "PUT"):
            plain["entityCbor"] = self.dice.randbytes(self.dice.randint(1, 30))
        return plain | {"timestampMs": 1_702_569_600_000}

    def odd(self, plain: Any) -> Any:
        """Something added, missing, of another type, twice, or wrapped, here or further in."""
        inner = [key for key, value in plain.items() if isinstance(value, dict) or (isinstance(value, list) and value)]
        if inner and self.dice.random() < 0.5:
            key = self.dice.choice(inner)
            value = plain[key]
            if isinstance(value, dict):
                return plain | {key: self.odd(value)}
            if isinstance(value[0], dict):
                return plain | {key: [self.odd(value[0]), *value[1:]]}
        key = self.dice.choice(list(plain)) if plain else "none"
        pairs = list(plain.items())
        odd = self.dice.choice([1, 2, 3, "text", b"bytes", True, None, 1.5, [], {}, 2**63 - 1, ["a"], {"a": 1}])
        way = self.dice.choice(["add", "add", "drop", "change", "twice", "number", "tag", "shuffle", "nested", "wrap"])
        if way == "add":
            pairs.insert(self.dice.randint(0, len(pairs)), ("unknown", self.value(3)))
        elif way == "drop":
            pairs = [pair for pair in pairs if pair[0] != key]
        elif way == "change":
            pairs = [(name, odd if name == key else value) for name, value in pairs]
        elif way == "twice":
            pairs.append((key, plain.get(key)))
        elif way == "number":
            pairs.append((self.dice.choice([0, -1, b"key", 1.5]), 1))
        elif way == "tag":
            pairs = [(name, Tagged(self.dice.choice(TAGS), value) if name == key else value) for name, value in pairs]
        elif way == "shuffle":
            self.dice.shuffle(pairs)
        elif way == "nested":
            pairs.append(("unknown", {"in": {self.dice.choice(["text", 7]): 1}}))
        else:
            return [plain]
        return Pairs(pairs)

    def value(self, depth: int) -> Any:
        leaves = [0, 24, -5, 2**33, "t", b"b", 1.5, 0.1, True, None]
        if depth == 0 or self.dice.random() < 0.5:
            return self.dice.choice(leaves)
        if self.dice.random() < 0.5:
            return [self.value(depth - 1) for _ in range(self.dice.randint(0, 3))]
        return {f"k{number}": self.value(depth - 1) for number in range(self.dice.randint(0, 3))}


def damaged(dice: random.Random, encoded: bytes) -> bytes:
    way = dice.choice(["none", "none", "none", "cut", "more", "flip", "flip", "drop", "break"])
    at = dice.randrange(len(encoded))
    if way == "cut":
        return encoded[:at]
    if way == "more":
        return encoded + dice.choice([b"\x00", b"\xff", b"\xf6", encoded])
    if way == "flip":
        return encoded[:at] + bytes([encoded[at] ^ 1 << dice.randrange(8)]) + encoded[at + 1 :]
    if way == "drop":
        return encoded[:at] + encoded[at + 1 :]
    if way == "break":
        return encoded[:at] + b"\xff" + encoded[at:]
    return encoded


def decoded(encoded: bytes) -> Any:
    """Exactly one item, tags taken off. Raises if cbor2 does."""
    stream = io.BytesIO(encoded)
    same = {number: lambda value, _immutable: value for number in CHANGED_BY_CBOR2}
    decoder = cbor2.CBORDecoder(stream, tag_hook=lambda tag, _immutable: tag.value, semantic_decoders=same, read_size=1)
    value = decoder.decode()
    if stream.read(1):
        raise ValueError("more than one item")
    return thawed(value)


def repeats_a_key(encoded: bytes) -> bool:
    try:
        cbor2.CBORDecoder(io.BytesIO(encoded), allow_duplicate_keys=False, read_size=1).decode()
    except cbor2.CBORError:
        return True
    return False


def thawed(value: Any) -> Any:
    """Of what lies below a tag, cbor2 makes tuples and frozen maps."""
    if isinstance(value, (list, tuple)):
        return [thawed(one) for one in value]
    if isinstance(value, Mapping):
        return {key: thawed(one) for key, one in value.items()}
    return value


def all_text_keys(value: Any) -> bool:
    if isinstance(value, list):
        return all(all_text_keys(one) for one in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and all_text_keys(one) for key, one in value.items())
    return True


def has(plain: Any, name: str, kind: type, is_optional: bool = False) -> bool:
    value = plain.get(name)
    if value is None or value is cbor2.undefined:
        return is_optional
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def names_are_text(plain: Any, names: list[str]) -> bool:
    return all(has(plain, name, str) for name in names)


def is_message(kind: str, plain: Any) -> bool:
    """Whether the protocol takes it, by its tables alone."""
    if not isinstance(plain, dict) or not all_text_keys(plain) or not has(plain, "dbId", str):
        return False
    if kind == "pull":
        collections = plain.get("collections")
        is_list = has(plain, "collections", list, is_optional=True)
        return (
            has(plain, "sinceCursor", int)
            and has(plain, "limit", int, is_optional=True)
            and is_list
            and all(isinstance(one, str) for one in (collections if isinstance(collections, list) else []))
        )
    if not has(plain, "deviceId", str):
        return False
    if kind == "handshake":
        return has(plain, "clientInfo", dict) and is_client(plain["clientInfo"])
    return has(plain, "ops", list) and all(is_operation(op) for op in plain["ops"])


def is_client(plain: dict[str, Any]) -> bool:
    metadata = plain.get("metadata")
    is_map = has(plain, "metadata", dict, is_optional=True)
    # Null is the same as absent there too.
    texts = [one for one in metadata.values() if one is not None] if isinstance(metadata, dict) else []
    return names_are_text(plain, ["platform", "appVersion"]) and is_map and all(isinstance(one, str) for one in texts)


def is_operation(plain: Any) -> bool:
    names = ["dbId", "deviceId", "collection", "entityId"]
    if not isinstance(plain, dict) or not names_are_text(plain, names):
        return False
    if not all(has(plain, name, int) for name in ("opId", "entityVersion", "timestampMs")):
        return False
    kind = plain.get("opType")
    needs_body = kind in ("upsert", "PUT")
    return kind in ("upsert", "PUT", "delete", "DELETE") and has(plain, "entityCbor", bytes, is_optional=not needs_body)


def is_open_question(plain: Any) -> bool:
    """Numbers, lengths and names on which the server has bounds of its own, and names that a token does not have."""
    if isinstance(plain, dict):
        return any(is_open_question(one) for one in plain.values()) or any(plain.get(name) == "" for name in plain)
    if isinstance(plain, list):
        return any(is_open_question(one) for one in plain)
    if isinstance(plain, int) and not isinstance(plain, bool):
        return not 0 <= plain <= 1_702_569_600_000
    return False


def expected(kind: str, encoded: bytes) -> bool | None:
    """Whether it is a message; `None`: it is a matter of bounds."""
    try:
        plain = decoded(encoded)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError):
        return False
    if not is_message(kind, plain):
        return False
    return UNDECIDED if is_open_question(plain) else True


def decoder_fuzz(bench: Bench) -> dict[str, Any]:
    dice = random.Random(bench.seed)
    maker = Maker(dice, bench.db)
    transport = bench.transport(DEVICE)
    statuses: Counter[str] = Counter()
    differences = []
    for _ in range(CASES):
        kind, plain = maker.message()
        written = Writer(dice).write(plain)
        encoded = damaged(dice, written)
        wanted = expected(kind, encoded)
        if wanted and encoded != written and repeats_a_key(encoded):
            # Of a key that stands there twice the last counts, and whether the first has to be readable nobody says.
            wanted = UNDECIDED
        status = transport.send("POST", f"/v1/{kind}", encoded).status_code
        statuses[f"{status} {wanted}"] += 1
        # A message about names that are not the token's is read, and then refused.
        allowed = {True: (200, 403), False: (400,), UNDECIDED: (200, 400, 403)}[wanted]
        if status not in allowed:
            differences.append({"kind": kind, "status": status, "wanted": wanted, "hex": encoded.hex()})
    return {"cases": CASES, "statuses": dict(statuses), "differences": differences[:20], "count": len(differences)}
