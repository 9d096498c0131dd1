"""The demo's page: a leak replayed month by month, in English and Japanese."""

from sekisho.web.demo.model import Milestones, Replay
from sekisho.web.demo.page import render_demo

__all__ = ["Milestones", "Replay", "render_demo"]
