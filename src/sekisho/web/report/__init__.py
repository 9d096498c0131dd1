"""The results of a trace for people (a page) and for programs (a document)."""

from sekisho.web.report.findings_json import findings_document, findings_json
from sekisho.web.report.page import render_report

__all__ = ["findings_document", "findings_json", "render_report"]
