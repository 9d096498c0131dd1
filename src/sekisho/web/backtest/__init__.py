"""What a policy would have done: one page in two languages, with pictures."""

from sekisho.web.backtest.page import render_backtest

__all__ = ["render_backtest"]
