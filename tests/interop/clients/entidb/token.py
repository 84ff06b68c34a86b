"""Tokens made by hand, the good and the forged."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def sign(secret: str | bytes, header: Any, claims: Any) -> str:
    """With whatever stands in the header: the hash is HS256's when the algorithm is no HMAC."""
    key = secret.encode() if isinstance(secret, str) else secret
    algorithm = header.get("alg") if isinstance(header, dict) else None
    text = f"{part(dump(header))}.{part(dump(claims))}"
    digest = HASHES.get(algorithm if isinstance(algorithm, str) else "", hashlib.sha256)
    return f"{text}.{part(hmac.new(key, text.encode(), digest).digest())}"


def dump(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def claims_of(db: str | None, device: str | None, lifetime: float = 86_400) -> dict[str, Any]:
    now = int(time.time())
    claims: dict[str, Any] = {"sub": device or "user-1", "iat": now, "exp": int(now + lifetime)}
    if device is not None:
        claims["deviceId"] = device
    if db is not None:
        claims["dbId"] = db
    return claims


def mint(secret: str, db: str | None, device: str | None = None, algorithm: str = "HS256") -> str:
    """As the original's helper mints it: no issuer, no audience, a day."""
    return sign(secret, {"alg": algorithm, "typ": "JWT"}, claims_of(db, device))
