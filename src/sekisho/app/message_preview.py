"""One message as it would go out, to an invented person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sekisho.app.message_lint import NUMBER
from sekisho.app.message_list import Recipient
from sekisho.app.message_writing import Writer, Written, as_letter, write
from sekisho.domain.errors import BadInput
from sekisho.domain.message import Channel
from sekisho.rulebook.values import Language

_PEOPLE: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "ja": ("架空 花子", "100-0000", ("東京都架空区架空町一丁目2番3号", "架空マンション 101号室")),
    "en": ("Hanako Kakuu", "100-0000", ("1-2-3 Kakuucho, Kakuu-ku", "Tokyo")),
}


@dataclass(frozen=True)
class Preview:
    """A message written out."""

    writer: Writer
    recipient: Recipient
    written: Written

    @property
    def text(self) -> str:
        """Subject and body as a reader sees them."""
        if self.recipient.channel is Channel.EMAIL:
            return f"{self.written.outgoing.subject}\n\n{self.written.outgoing.body}\n"
        return f"{self.written.outgoing.body}\n"

    def pdf(self, at: datetime) -> bytes:
        """The message as a letter."""
        from sekisho.gateways.outbound.letter import fonts  # noqa: PLC0415 - heavy
        from sekisho.gateways.outbound.letter.typeset import (  # noqa: PLC0415
            Typesetter,
            kept_back,
        )

        faces = fonts.shipped()
        letter = as_letter(self.written, self.recipient, self.writer)
        trouble = kept_back(letter, faces)
        if trouble:
            raise BadInput(f"the letter cannot be printed: {trouble}")
        return Typesetter(faces).set([letter], at=at).pdf


def previewed(writer: Writer, language: str, channel: Channel) -> Preview:
    """The message of ``writer`` to an invented person; raises where it could not be sent."""
    name, postcode, address = _PEOPLE[language]
    tongue: Language = "ja" if language == "ja" else "en"
    recipient = Recipient(
        row=0,
        reference="preview",
        name=name,
        honorific="",
        language=tongue,
        channel=channel,
        postcode=postcode,
        address=address,
        email="hanako@example.jp",
        phone="090-0000-0000",
        app_id="preview",
        values={},
    )
    return Preview(writer, recipient, write(writer, recipient, NUMBER))
