"""The page behind a one-time link: a holder says "that was not me", and the card is stopped."""

from sekisho.web.holder.pages import HolderPages, LinkDesk, Outcome

__all__ = ["HolderPages", "LinkDesk", "Outcome"]
