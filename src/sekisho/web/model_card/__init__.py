"""What a model is, learnt from, does and does not do: one page in two languages."""

from sekisho.web.model_card.page import CardFacts, render_card

__all__ = ["CardFacts", "render_card"]
