"""The answer form in both languages; its keys are the fields and choices of the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FORM: Final[Mapping[str, tuple[str, str]]] = {
    "form.title": ("Answer to inquiry {inquiry_id}", "照会 {inquiry_id} への回答"),
    "form.kind": ("Answer form", "回答書"),
    "form.h1": ("Answer about {place}", "{place}に関する回答"),
    "form.how": (
        ("Fill in what you know and leave the rest empty; a first answer may be "
        "followed by others. "
        "Print this page, or save it as PDF. To send a file that programs read, fill in "
        "answer-form.csv or answer-form.json: the names of the fields are those in grey."),
        ("分かる範囲でご記入ください。空欄があってもかまいません。追ってご回答を重ねることもできます。"
        "この画面は印刷またはPDFで保存できます。ファイルで返送される場合は、answer-form.csvまたは"
        "answer-form.jsonにご記入ください（灰色の文字が項目名です）。"),
    ),
    "form.no_cards": (
        "Write no card numbers, security codes or names of cardholders.",
        "カード番号、セキュリティコード、会員氏名は記入しないでください。",
    ),
    "form.required": ("required", "必須"),
    "form.to": ("Send it to {contact}", "返送先：{contact}"),
    "field.answered_by": ("Answered by (company, department, person)",
                          "回答者（会社、部署、氏名）"),
    "field.answered_on": ("Date of the answer", "回答日"),
    "field.answered_as": ("You answer as", "回答者の立場"),
    "field.contact": ("Where to reach you", "連絡先"),
    "field.conclusion": ("What is known so far", "現時点の状況"),
    "field.merchant_informed": ("Has the merchant been told of the inquiry?",
                                "加盟店への照会内容の伝達"),
    "field.window_start": ("Card data was at risk from", "情報が危険にさらされた期間（開始）"),
    "field.window_end": ("until", "同（終了）"),
    "field.data_taken": ("Which data", "対象項目"),
    "field.cards_exposed": ("How many cards", "対象カード枚数"),
    "field.payment_stopped_on": ("Card payment stopped on", "カード決済の停止日"),
    "field.investigator": ("Who investigates", "調査機関"),
    "field.report_expected_on": ("Report expected on", "調査報告の予定日"),
    "field.merchant_statement": ("The merchant’s answer, in its own words",
                                 "加盟店の回答（原文）"),
    "field.corrections": ("Figures or facts in the inquiry that are wrong",
                          "照会内容の誤り（数値、事実）"),
    "field.comment": ("Anything else", "その他"),
    "choice.acquirer": ("acquirer", "アクワイアラー"),
    "choice.processor": ("payment processor", "決済代行業者"),
    "choice.scheme": ("card scheme", "国際ブランド"),
    "choice.merchant": ("merchant", "加盟店"),
    "choice.operator": ("company that runs the shops", "運営会社"),
    "choice.other": ("other", "その他"),
    "choice.under_investigation": ("being looked at", "調査中"),
    "choice.leak_confirmed": ("a leak is confirmed", "漏えいを確認"),
    "choice.leak_suspected": ("a leak is suspected", "漏えいの疑いあり"),
    "choice.nothing_found": ("nothing was found", "異常は見つからなかった"),
    "choice.already_known": ("known already", "既に把握している事案"),
    "choice.not_ours": ("not our merchant", "当社の加盟店ではない"),
    "choice.yes": ("yes", "済み"),
    "choice.no": ("no", "未了"),
    "choice.not_applicable": ("does not apply", "該当なし"),
    "choice.pan": ("card number", "カード番号"),
    "choice.expiry": ("expiry date", "有効期限"),
    "choice.security_code": ("security code", "セキュリティコード"),
    "choice.holder_name": ("cardholder name", "カード名義人名"),
    "choice.track": ("magnetic stripe", "磁気ストライプ情報"),
    "choice.pin": ("PIN", "暗証番号"),
    "choice.address": ("address", "住所"),
    "choice.credentials": ("3-D Secure password", "本人認証サービスのパスワード"),
}  # fmt: skip
