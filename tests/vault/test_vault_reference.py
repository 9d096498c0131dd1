"""docs/reference/vault.md is enough: another system, written from that page, reads every file."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
import unicodedata
from datetime import date
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from invented_cards import invented_cards
from sekisho.vault.custody import split, write_component
from sekisho.vault.keys import KeyKind, new_ring, ring_text, write_ring
from sekisho.vault.numbers import open_vault
from sekisho.vault.pan import Pan
from sekisho.vault.reveal import Permit, Purpose, write_permit
from sekisho.vault.surrogate import CardRefs

CARDS = invented_cards(np.random.default_rng(21), 9)
WORDS = "ｆｉｖｅ words nobody knows"


def short(key: bytes, message: str) -> str:
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()[:8]


def keys_in(text: str, kind: str) -> dict[str, bytes]:
    """By the page: section "Key file"."""
    *above, last, end = text.split("\n")
    assert end == ""
    head, *lines = above
    assert head.split()[:2] == [f"sekisho-{kind}-key", "2"]
    keys = {line.split()[1]: base64.b64decode(line.split()[3]) for line in lines}
    for key_id, key in keys.items():
        assert short(key, f"sekisho {kind} key id") == key_id
    active = keys[head.split()[2]]
    message = "sekisho key ring check\n" + "".join(f"{line}\n" for line in above)
    assert last == "check " + hmac.new(active, message.encode(), hashlib.sha256).hexdigest()
    return keys


def component_in(text: str, passphrase: str) -> bytes:
    """By the page: section "Component"."""
    first, second, nonce, inside, _ = text.split("\n")
    _, cost, block, lanes, salt = second.split()
    plain = unicodedata.normalize("NFKC", passphrase).encode()
    key = hashlib.scrypt(
        plain, salt=base64.b64decode(salt), n=2 ** int(cost), r=int(block), p=int(lanes), dklen=32
    )
    associated = f"{first}\n{second}\n".encode()
    secret = AESGCM(key).decrypt(base64.b64decode(nonce), base64.b64decode(inside), associated)
    assert short(secret, "sekisho key component") == first.split()[4]
    return secret


def test_keys_and_seals_are_read_by_the_page(tmp_path: Path) -> None:
    ring = new_ring(KeyKind.NUMBER, secrets.token_bytes(32), date(2026, 4, 1))
    ring = ring.rotated(secrets.token_bytes(32), date(2027, 4, 1))
    write_ring(tmp_path / "number.key", ring)
    keys = keys_in((tmp_path / "number.key").read_text(), "number")
    assert list(keys.values()) == [key.secret for key in ring.keys]
    seal, *components = split(secrets.token_bytes)
    parts = []
    for component in components:
        path = tmp_path / f"{component.place}.component"
        write_component(path, component, WORDS, secrets.token_bytes, 4)
        parts.append(component_in(path.read_text(), WORDS))
    together = bytes(one ^ other for one, other in zip(*parts, strict=True))
    sealed = seal.lock(ring_text(ring), ring.kind, secrets.token_bytes)
    first, nonce, inside, _ = sealed.split("\n")
    assert first == f"sekisho-sealed-key 1 number {short(together, 'sekisho seal id')}"
    opened = AESGCM(together).decrypt(
        base64.b64decode(nonce), base64.b64decode(inside), first.encode()
    )
    assert keys_in(opened.decode(), "number") == keys


def test_kept_numbers_and_permits_are_read_by_the_page(tmp_path: Path) -> None:
    ring = new_ring(KeyKind.NUMBER, secrets.token_bytes(32))
    cards = new_ring(KeyKind.CARD, secrets.token_bytes(32)).active
    refs = [CardRefs(cards).of(Pan(card)) for card in CARDS]
    with (
        open_vault(tmp_path / "v", secrets.token_bytes, create=True) as vault,
        vault.keeping(ring, cards.key_id, date(2026, 4, 1), date(2026, 7, 1)) as keeping,
    ):
        keeping.numbers(refs, [card.encode() for card in CARDS])
    read = {}
    with sqlite3.connect(tmp_path / "v") as db:
        assert db.execute("PRAGMA application_id").fetchone() == (0x53454B49,)
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        query = "SELECT * FROM number JOIN data_key USING (data_key_id)"
        names = [column[0] for column in db.execute(query).description]
        for values in db.execute(query):
            row = dict(zip(names[:7], values[:7], strict=True))
            key_id, wrap_nonce, wrapped = values[7:]
            associated = f"sekisho-data-key 1|{row['data_key_id']}|{key_id}".encode()
            data_key = AESGCM(ring.with_id(key_id).secret).decrypt(wrap_nonce, wrapped, associated)
            label = "|".join(
                row[name]
                for name in ("card_key_id", "card_ref", "data_key_id", "kept_on", "delete_on")
            )
            digits = AESGCM(data_key).decrypt(
                row["nonce"], row["locked"], f"sekisho-number 1|{label}".encode()
            )
            read[row["card_ref"]] = digits.decode().rstrip()
    db.close()
    assert read == dict(zip(refs, CARDS, strict=True))
    for ref, card in read.items():
        assert hmac.new(cards.secret, card.encode(), hashlib.sha256).hexdigest()[:32] == ref
    permit = Permit("p", Purpose.REISSUE, "a", "b", "2026", date(2026, 5, 1), 1, ring.active.key_id)
    write_permit(tmp_path / "permit", permit, ring)
    said = json.loads((tmp_path / "permit").read_text())
    check = said.pop("check")
    message = "sekisho reveal permit\n" + json.dumps(said, sort_keys=True)
    assert check == hmac.new(ring.active.secret, message.encode(), hashlib.sha256).hexdigest()
