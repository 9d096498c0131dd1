"""The page of a back-test in both languages: each key once, English and Japanese side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_BOTH: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("Back-test of a policy", "ポリシーのバックテスト"),
    "lead": (
        (
            "What this policy would have done with the purchases of the past: which fraud it would "
            "have caught, and which genuine customers it would have declined or asked."
        ),
        (
            "このポリシーが過去の取引をどう判定したかを示します。どの不正を捕らえ、どの正当なお客様を断り、"
            "または確認の連絡で煩わせたか、です。"
        ),
    ),
    "span": (
        (
            "{purchases} purchases, {first} to {last}; {frauds} of them fraud, worth {value} "
            "(minor units of {currency}). A label counts as known {delay} days later at "
            "the latest, "
            "or when it was reported."
        ),
        (
            "{first}から{last}までの取引{purchases}件。うち不正は{frauds}件、金額{value}({currency}の最小単位)。"
            "ラベルは報告のあった時点、または遅くとも{delay}日後に分かるものとしています。"
        ),
    ),
    "span_delay": (
        (
            "{purchases} purchases, {first} to {last}; {frauds} of them fraud, worth {value} "
            "(minor units of {currency}). Every label is taken to be known {delay} days later."
        ),
        (
            "{first}から{last}までの取引{purchases}件。うち不正は{frauds}件、金額{value}({currency}の最小単位)。"
            "ラベルはすべて{delay}日後に分かるものとしています。"
        ),
    ),
    "candidate": ("this policy", "このポリシー"),
    "champion": ("the one that decides now", "現在のポリシー"),
    "value_detection": ("fraud value caught", "捕らえた不正の金額"),
    "insult_rate": ("insult rate", "迷惑率"),
    "false_positives_per_fraud": ("false positives per fraud", "不正1件あたりの誤警告"),
    "alert_rate": ("alert rate", "警告率"),
    "value_stopped": ("value stopped from the first alert on", "最初の警告以降に止めた金額"),
    "account_detection": ("defrauded cards found", "見つけた被害カード"),
    "fraud_detection": ("frauds caught", "捕らえた不正の件数"),
    "now": ("now", "現在"),
    "versus": ("What would change", "何が変わるか"),
    "gained": (
        "caught in addition: {frauds} frauds, {value}",
        "新たに捕らえる不正: {frauds}件、{value}",
    ),
    "lost": (
        "no longer caught: {frauds} frauds, {value}",
        "捕らえなくなる不正: {frauds}件、{value}",
    ),
    "newly": (
        "genuine purchases newly declined or asked: {n}",
        "新たに断る、または確認する正当な取引: {n}件",
    ),
    "free": ("genuine purchases set free: {n}", "妨げなくなる正当な取引: {n}件"),
    "changes": ("Changes to the rules", "ルールの変更点"),
    "before": ("before", "変更前"),
    "after": ("after", "変更後"),
    "trade": ("Fraud caught against customers insulted", "捕らえた不正と、煩わせたお客様"),
    "trade_note": (
        (
            "The line is what the score alone would do at any threshold; the point is "
            "the policy with "
            "its rules, lists and thresholds. Up is better, left is better. Thresholds "
            "on the line are "
            "read from the same weeks, which flatters it slightly."
        ),
        (
            "線はスコアだけで判定したとき、点はルールとリストとしきい値を含めたポリシーです。上ほど不正を捕らえ、"
            "左ほどお客様を煩わせません。線のしきい値は同じ期間から読んだため、わずかによく見えます。"
        ),
    ),
    "rules": ("Rule by rule", "ルールごとの働き"),
    "rules_note": (
        (
            "Alone: what nothing else that is live flags, so what would be lost without "
            "the rule. An "
            "allow rule sets free what would be flagged otherwise. A shadow rule is "
            "noted and changes "
            "nothing."
        ),
        (
            "「単独」は、ほかの有効なルールやしきい値では警告にならないもの、つまりそのルールを外すと失われるものです。"
            "allow のルールは、そうでなければ警告になる取引を通します。"
            "シャドーのルールは記録だけで、判定は変えません。"
        ),
    ),
    "rule": ("rule", "ルール"),
    "says": ("says", "判定"),
    "shadow": ("shadow", "シャドー"),
    "fired": ("fired", "該当"),
    "frauds": ("frauds", "不正"),
    "value": ("fraud value", "不正の金額"),
    "genuine": ("genuine", "正当な取引"),
    "alone": ("alone: frauds / genuine", "単独: 不正 / 正当"),
    "score": ("thresholds by amount", "金額別のしきい値"),
    "weeks": ("Week by week", "週ごとの推移"),
    "week": ("from", "開始日"),
    "purchases": ("purchases", "取引数"),
    "ap": ("average precision", "平均適合率"),
    "cost": ("What the score costs at each alert rate", "警告率ごとの費用"),
    "cost_note": (
        (
            "Fraud missed, and {cost} minor units for each alert. The lowest point is "
            "the alert rate "
            "at which the score alone costs least."
        ),
        (
            "見逃した不正の金額に、警告1件あたり{cost}(最小単位)を加えたものです。最も低い点が、スコアだけで判定した"
            "ときに費用が最小になる警告率です。"
        ),
    ),
    "counts": ("In counts", "件数で見る"),
    "declined": ("declined", "断った取引"),
    "genuine_declined": ("genuine declined", "断った正当な取引"),
    "genuine_asked": ("genuine asked", "確認した正当な取引"),
    "cards_insulted": ("customers' cards among them", "そのカード枚数"),
    "frauds_caught": ("frauds caught", "捕らえた不正"),
    "value_caught": ("their value", "その金額"),
    "model": ("model", "モデル"),
    "policy": ("policy", "ポリシー"),
    "auc": ("AUC", "AUC"),
    "cp": ("card precision at {k}", "上位{k}枚のカード適合率"),
    "watch": ("cards on the watch list", "監視リストのカード"),
    "limits": ("How to read it, and its limits", "読み方と限界"),
    "definitions": (
        (
            "Flagged: declined or asked. Insult rate: genuine purchases flagged, over "
            "genuine ones. "
            "False positives per fraud: genuine purchases flagged for each fraud "
            "flagged. Fraud value "
            "caught: amount of the frauds flagged over the amount of all frauds. Value "
            "stopped: the "
            "amount of a card's frauds from its first flagged one on, because the card is stopped "
            "then. Alert rate: flagged over all."
        ),
        (
            "警告とは、断ったものと確認したものの合計です。迷惑率は、正当な取引のうち警告になったものの割合です。"
            "不正1件あたりの誤警告は、警告になった不正1件に対する、警告になった正当な取引の数です。捕らえた不正の金額は、"
            "警告になった不正の金額が不正全体の金額に占める割合です。止めた金額は、そのカードの最初の警告以降の不正の金額で、"
            "その時点でカードが止まるためです。警告率は、全取引に占める警告の割合です。"
        ),
    ),
    "files": ("files (SHA-256)", "ファイル(SHA-256)"),
    "why": ("why", "理由"),
}

_NOTES: Final[Mapping[str, tuple[str, str]]] = {
    "declined_unlabelled": (
        (
            "A purchase that was declined then has no label of its own: it counts as "
            "what was reported "
            "of it. Fraud that nobody reported counts as genuine."
        ),
        (
            "当時断られた取引には、それ自体のラベルがありません。報告の有無で数えています。報告されなかった不正は、"
            "正当な取引として数えられています。"
        ),
    ),
    "candidate_training_unknown": (
        (
            "Nothing says on which days this policy's model was trained. If it saw these days, the "
            "figures are too good."
        ),
        "このポリシーのモデルがどの期間で学習したか分かりません。この期間を見ていれば、成績は良すぎます。",
    ),
    "champion_training_unknown": (
        (
            "Nothing says on which days the present model was trained. If it saw these days, its "
            "figures are too good."
        ),
        "現在のモデルがどの期間で学習したか分かりません。この期間を見ていれば、その成績は良すぎます。",
    ),
    "candidate_saw_these_days": (
        "This policy's model was trained on some of these days. The figures are too good.",
        "このポリシーのモデルは、この期間の一部で学習しています。成績は実際より良く見えます。",
    ),
    "champion_saw_these_days": (
        "The present model was trained on some of these days. Its figures are too good.",
        "現在のモデルは、この期間の一部で学習しています。その成績は実際より良く見えます。",
    ),
    "no_watch_list": (
        "No card was on the watch list in this test: rules about exposed cards never fired.",
        "このテストでは監視リストにカードがありません。流出カードのルールは一度も該当していません。",
    ),
}

TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {key: pair[0] for key, pair in _BOTH.items()},
    "ja": {key: pair[1] for key, pair in _BOTH.items()},
}
NOTES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {key: pair[0] for key, pair in _NOTES.items()},
    "ja": {key: pair[1] for key, pair in _NOTES.items()},
}
