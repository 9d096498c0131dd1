"""A DKIM signature (RFC 6376) over a finished message.

dkimpy canonicalises and writes the field; the RSA step itself is done by ``cryptography``, which
takes a tenth of the time of dkimpy's own. A hundred thousand messages an hour depend on it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import dkim
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sekisho.domain.errors import BadInput

KEY_BITS_LEAST: Final = 2048
SIGNED: Final = (
    b"from", b"to", b"subject", b"date", b"message-id", b"reply-to", b"mime-version",
    b"content-type", b"content-transfer-encoding", b"auto-submitted", b"list-unsubscribe",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DkimKey:
    """The key of one selector of one domain."""

    domain: str
    selector: str
    key: rsa.RSAPrivateKey = field(repr=False)
    pem: bytes = field(repr=False)


def read_dkim_key(path: Path, *, domain: str, selector: str) -> DkimKey:
    """The key in the PEM file ``path``; raises ``BadInput`` with what is wrong with it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"the DKIM key {path.name} cannot be read: {error.strerror}") from None
    return dkim_key(content, domain=domain, selector=selector, name=path.name)


def dkim_key(pem: bytes, *, domain: str, selector: str, name: str = "of DKIM") -> DkimKey:
    """The key in ``pem``; raises ``BadInput`` unless it is RSA of 2048 bits or more (RFC 8301)."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadInput(f"the key {name} is not an unencrypted private key in PEM") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < KEY_BITS_LEAST:
        raise BadInput(
            f"the key {name} is not RSA of {KEY_BITS_LEAST} bits or more",
            hint="Make one with: openssl genrsa 2048",
        )
    # dkimpy reads the older of the two forms.
    old = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return DkimKey(domain, selector, key, old)


class _Signer(dkim.DKIM):  # type: ignore[misc]
    """dkimpy's signer with the RSA step handed to OpenSSL and the time handed in."""

    rsa_key: rsa.RSAPrivateKey
    signed_at: int

    def gen_header(
        self,
        fields: list[tuple[bytes, bytes]],
        include_headers: tuple[bytes, ...],
        canon_policy: Any,
        header_name: bytes,
        pk: object,  # noqa: ARG002 - the key in dkimpy's form
        standardize: bool = False,  # noqa: ARG002, FBT001, FBT002
    ) -> bytes:
        """The value of the signature field (RFC 6376 3.7)."""
        tags = dict(fields) | {b"t": str(self.signed_at).encode("ascii")}
        empty = dkim.RE_BTAG.sub(b"\\1", _folded(tags, header_name))
        digest = dkim.HashThrough(self.hasher())
        headers = canon_policy.canonicalize_headers(self.headers)
        self.signed_headers = dkim.hash_headers(
            digest, canon_policy, headers, include_headers, (header_name, b" " + empty), tags
        )
        signature = self.rsa_key.sign(digest.digest(), padding.PKCS1v15(), Prehashed(SHA256()))
        tags[b"b"] = base64.b64encode(signature)
        return _folded(tags, header_name) + b"\r\n"


def _folded(tags: dict[bytes, bytes], header_name: bytes) -> bytes:
    value = b"; ".join(b"=".join(tag) for tag in tags.items())
    return bytes(dkim.fold(value, namelen=len(header_name), linesep=b"\r\n"))


def signed(message: bytes, key: DkimKey, at: datetime) -> bytes:
    """``message`` with a DKIM-Signature in front (relaxed/relaxed, RSA-SHA256).

    Headers that must stand once are signed once more than they are there, so that nobody can add
    a second one (RFC 6376 8.15).
    """
    signer = _Signer(message)
    signer.rsa_key = key.key
    signer.signed_at = int(at.timestamp())
    present = {name.lower() for name, _ in signer.headers}
    once = (b"from", b"to", b"subject", b"date", b"message-id")
    fields = [name for name in SIGNED if name in present] + list(once)
    header = signer.sign(
        key.selector.encode("ascii"),
        key.domain.encode("ascii"),
        key.pem,
        signature_algorithm=b"rsa-sha256",
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=fields,
    )
    return bytes(header) + message
