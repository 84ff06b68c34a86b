"""Tokens that nobody may get in with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from entidb.token import claims_of, part, sign

HEAD = {"alg": "HS256", "typ": "JWT"}


def forged(secret: str, db: str, device: str) -> dict[str, str]:
    """What is wrong, and the token."""
    good = claims_of(db, device)
    head, claims, signature = sign(secret, HEAD, good).split(".")
    wrong_key = "another-secret-of-forty-characters-0123456"
    now = int(time.time())

    def with_claims(**changed: Any) -> str:
        return sign(secret, HEAD, {name: value for name, value in (good | changed).items() if value is not None})

    def with_head(**changed: Any) -> str:
        return sign(secret, {name: value for name, value in (HEAD | changed).items() if value is not None}, good)

    raised = part(json.dumps(good | {"dbId": "tenant-b"}).encode())
    return {
        "one part": "x",
        "two parts": f"{head}.{claims}",
        "an empty signature": f"{head}.{claims}.",
        "four parts": f"{head}.{claims}.{signature}.{signature}",
        "a signature cut short": f"{head}.{claims}.{signature[:-4]}",
        "a signature with a bit turned": f"{head}.{claims}.{turned(signature)}",
        "a signature with padding": f"{head}.{claims}.{signature}=",
        "claims exchanged": f"{head}.{raised}.{signature}",
        "another key": sign(wrong_key, HEAD, good),
        "an empty key": sign("", HEAD, good),
        "the default key": sign("change-me-in-production", HEAD, good),
        "the hash of HS512 under HS256": crossed(secret, good),
        "no algorithm, no signature": unsigned("none", good),
        "no algorithm, spelt otherwise": unsigned("nOnE", good),
        "no algorithm, signed": with_head(alg="none"),
        "an algorithm of key pairs": with_head(alg="RS256"),
        "another algorithm of key pairs": with_head(alg="ES256"),
        "an algorithm in small letters": with_head(alg="hs256"),
        "a list of algorithms": with_head(alg=["HS256"]),
        "a header without algorithm": with_head(alg=None),
        "a critical extension": with_head(crit=["b64"], b64=False),
        "a key of its own in the header": own_key(wrong_key, good),
        "a key identifier that is a path": sign("", HEAD | {"kid": "../../../../dev/null"}, good),
        "another type": with_head(typ="JOSE"),
        "expired": with_claims(exp=now - 600),
        "expired long ago": with_claims(exp=-1),
        "no expiry": with_claims(exp=None),
        "an expiry in text": with_claims(exp="9999999999"),
        "an expiry that is true": with_claims(exp=True),
        "not yet good": with_claims(nbf=now + 3600),
        "a database that is a number": with_claims(dbId=7),
        "a list of databases": with_claims(dbId=[db, "tenant-b"]),
        "a device that is a map": with_claims(deviceId={"id": device}),
        "claims that are no map": sign(secret, HEAD, [good]),
        "claims that are no JSON": sign(secret, HEAD, b"{"),
        "a header that is no JSON": sign(secret, b"HS256", good),
        "claims that are not UTF-8": sign(secret, HEAD, b'{"sub":"\xff"}'),
    }


def turned(signature: str) -> str:
    raw = bytearray(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    raw[0] ^= 1
    return part(bytes(raw))


def crossed(secret: str, claims: dict[str, Any]) -> str:
    text = f"{part(json.dumps(HEAD).encode())}.{part(json.dumps(claims).encode())}"
    return f"{text}.{part(hmac.new(secret.encode(), text.encode(), hashlib.sha512).digest())}"


def unsigned(algorithm: str, claims: dict[str, Any]) -> str:
    head = json.dumps({"alg": algorithm, "typ": "JWT"}).encode()
    return f"{part(head)}.{part(json.dumps(claims).encode())}."


def own_key(key: str, claims: dict[str, Any]) -> str:
    jwk = {"kty": "oct", "k": part(key.encode())}
    return sign(key, HEAD | {"jwk": jwk, "jku": "http://127.0.0.1:1/keys"}, claims)
