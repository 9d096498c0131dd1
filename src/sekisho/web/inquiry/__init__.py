"""The pages of an evidence pack: the letter and the form to answer with."""

from sekisho.web.inquiry.page import render_form, render_letter

__all__ = ["render_form", "render_letter"]
