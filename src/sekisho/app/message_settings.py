"""Who writes, and by which ways: the settings file of messages (TOML).

Secrets are never in it: it names files that hold them, which nobody else may read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.mailbox.boxes import ImapBox
from sekisho.gateways.outbound.email.smtp import SmtpServer, Tls
from sekisho.rulebook.values import LANGUAGES, BadValue, Style, ValueType, shown

_HINT: Final = "The form: docs/reference/messages.md"
_WAITS_S: Final = (300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0)
_SENDER: Final = {
    "name": ValueType.NAME,
    "phone": ValueType.PHONE,
    "hours": ValueType.TEXT,
    "home_page": ValueType.HOME_PAGE,
}


@dataclass(frozen=True, slots=True)
class Sender:
    """How the sender is named in one language."""

    name: str
    phone: str
    hours: str
    home_page: str
    address: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DkimFile:
    """Where the DKIM key lies."""

    domain: str
    selector: str
    key_file: Path


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How e-mail goes out. ``bounces``: address that gets reports, with ``+number`` put in."""

    server: SmtpServer
    address: str
    bounces: str
    charset: str = "utf-8"
    dkim: DkimFile | None = None
    carriers: Path | None = None
    logs: tuple[Path, ...] = ()
    in_doubt: str = "never_twice"
    settle_s: float = 660.0
    retry_waits_s: tuple[float, ...] = _WAITS_S

    @property
    def domain(self) -> str:
        """The domain of Message-IDs: that of the sender's address."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class HookSettings:
    """A webhook and the file with its secret."""

    url: str
    secret_file: Path


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """Everything that messages need to know of this installation."""

    senders: Mapping[str, Sender]
    number_key: Path
    templates: Path | None = None
    mail: MailSettings | None = None
    era: bool = False
    window: Mapping[str, float] = field(default_factory=dict)
    sms: HookSettings | None = None
    push: HookSettings | None = None
    imap: ImapBox | None = None
    link_base: str = ""
    """Where one-time links lead, on the home page's domain; empty: no message has one."""


def read_settings(path: Path) -> MessageSettings:
    """The settings in ``path``; raises ``BadInput`` that names the file and the field.

    Paths in it are taken from the folder that the file lies in.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"the settings {path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{path.name} is not TOML in UTF-8: {error}") from None
    table = _Table(path, "", document)
    senders: dict[str, Sender] = {one: _sender(table, one) for one in LANGUAGES}
    letter = table.inner("letter")
    return MessageSettings(
        senders=senders,
        number_key=table.path("number_key"),
        templates=table.path("templates") if "templates" in document else None,
        mail=_mail(table.inner("mail")) if "mail" in document else None,
        era=letter.flag("era"),
        window=letter.numbers("window_left", "window_top", "window_width", "window_height"),
        sms=_hook(table.inner("sms")) if "sms" in document else None,
        push=_hook(table.inner("push")) if "push" in document else None,
        imap=_imap(table.inner("imap")) if "imap" in document else None,
        link_base=_link_base(table.inner("links")) if "links" in document else "",
    )


def read_secret(path: Path) -> bytes:
    """The secret in a file that only its owner may read."""
    try:
        mode = path.stat().st_mode
        content = path.read_bytes().strip()
    except OSError as error:
        raise BadInput(f"the secret {path.name} cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise BadInput(
            f"the secret {path.name} can be read by others", hint=f"chmod 600 {path.name}"
        )
    return content


class _Table:
    """A table of the settings that knows where it stands."""

    def __init__(self, file: Path, name: str, values: Any) -> None:
        self._file = file
        self._name = name
        self.values: dict[str, Any] = values if isinstance(values, dict) else {}
        if not isinstance(values, dict):
            raise self.bad("", "is no table")

    def bad(self, field_name: str, what: str) -> BadInput:
        where = ".".join(filter(None, (self._name, field_name)))
        return BadInput(f"{self._file.name}: {where} {what}", hint=_HINT)

    def inner(self, name: str) -> _Table:
        where = ".".join(filter(None, (self._name, name)))
        return _Table(self._file, where, self.values.get(name, {}))

    def text(self, name: str, default: str | None = None) -> str:
        value = self.values.get(name, default)
        if not isinstance(value, str):
            raise self.bad(name, "is missing or no text")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.bad(name, "is no list of texts")
        return tuple(value)

    def number(self, name: str, default: float) -> float:
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self.bad(name, "is no number from 0")
        return float(value)

    def numbers(self, *names: str) -> dict[str, float]:
        return {
            name.removeprefix("window_"): self.number(name, 0)
            for name in names
            if name in self.values
        }

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise self.bad(name, "is neither true nor false")
        return value

    def path(self, name: str) -> Path:
        return self.beside(self.text(name))

    def beside(self, name: str) -> Path:
        return self._file.parent / name

    def with_values(self, name: str, values: dict[str, Any]) -> _Table:
        return _Table(self._file, name, values)


def _sender(table: _Table, language: str) -> Sender:
    """The sender in ``language``: what ``[sender.en]`` does not say is as in ``[sender]``."""
    plain = table.inner("sender")
    values = {**plain.values, **plain.inner(language).values}
    inner = table.with_values("sender", values)
    texts = {}
    for name, kind in _SENDER.items():
        texts[name] = inner.text(name).strip()
        try:
            shown(kind, texts[name], Style("ja"))
        except BadValue as error:
            raise inner.bad(name, str(error)) from None
    return Sender(**texts, address=inner.texts("address"))


def _mail(table: _Table) -> MailSettings:
    tls = table.text("tls", Tls.REQUIRED)
    if tls not in set(Tls):
        raise table.bad("tls", f"is none of {', '.join(Tls)}")
    in_doubt = table.text("in_doubt", "never_twice")
    if in_doubt not in ("never_twice", "never_missed"):
        raise table.bad("in_doubt", "is neither never_twice nor never_missed")
    charset = table.text("charset", "utf-8")
    if charset not in ("utf-8", "iso-2022-jp"):
        raise table.bad("charset", "is neither utf-8 nor iso-2022-jp")
    password = table.path("password_file") if "password_file" in table.values else None
    server = SmtpServer(
        host=table.text("host"),
        port=int(table.number("port", 587)),
        tls=Tls(tls),
        username=table.text("username", ""),
        password=read_secret(password).decode("utf-8") if password else "",
        hostname=table.text("hostname", "localhost"),
        timeout_s=table.number("timeout_s", 60),
        connections=max(1, int(table.number("connections", 4))),
        ca_file=table.path("ca_file") if "ca_file" in table.values else None,
    )
    waits = table.values.get("retry_waits_s", list(_WAITS_S))
    if (
        not isinstance(waits, list)
        or not waits
        or not all(isinstance(w, int | float) for w in waits)
    ):
        raise table.bad("retry_waits_s", "is no list of seconds")
    return MailSettings(
        server=server,
        address=table.text("from"),
        bounces=table.text("bounces"),
        charset=charset,
        dkim=_dkim(table.inner("dkim")) if "dkim" in table.values else None,
        carriers=table.path("carriers") if "carriers" in table.values else None,
        logs=tuple(table.beside(one) for one in table.texts("logs")),
        in_doubt=in_doubt,
        settle_s=table.number("settle_s", 660),
        retry_waits_s=tuple(map(float, waits)),
    )


def _imap(table: _Table) -> ImapBox:
    return ImapBox(
        host=table.text("host"),
        username=table.text("username"),
        password=read_secret(table.path("password_file")).decode("utf-8"),
        port=int(table.number("port", 993)),
        folder=table.text("folder", "INBOX"),
        ca_file=table.path("ca_file") if "ca_file" in table.values else None,
    )


def _link_base(table: _Table) -> str:
    base = table.text("base").strip()
    try:
        return shown(ValueType.HOME_PAGE, base, Style("ja"))
    except BadValue as error:
        raise table.bad("base", str(error)) from None


def _dkim(table: _Table) -> DkimFile:
    return DkimFile(table.text("domain"), table.text("selector"), table.path("key_file"))


def _hook(table: _Table) -> HookSettings:
    return HookSettings(table.text("url"), table.path("secret_file"))
