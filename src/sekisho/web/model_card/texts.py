"""The model card in both languages: each key once, English and Japanese side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_BOTH: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("Model card", "モデルカード"),
    "lead": (
        (
            "Scores card authorizations by the chance that they are fraud. This page says what it "
            "learnt from, how it was chosen and how it did on weeks that it had never seen."
        ),
        (
            "カードのオーソリゼーションを、不正である見込みで採点するモデルです。何から学び、どう選ばれ、"
            "一度も見ていない期間でどうだったかを、このページに示します。"
        ),
    ),
    "test": ("On the last {days} days", "最後の{days}日間での成績"),
    "ap": ("average precision", "平均適合率"),
    "auc": ("AUC", "AUC"),
    "cp": ("card precision at 100", "上位100枚のカード適合率"),
    "base": ("fraud among purchases", "取引に占める不正の割合"),
    "rates": ("What an alert rate costs and stops", "警告率ごとの効果と負担"),
    "rates_note": (
        (
            "Alert rate: flagged purchases over all. Insult rate: genuine purchases flagged, over "
            "genuine ones. False positives per fraud: genuine purchases flagged for each fraud "
            "flagged. Value detection: amount of the frauds flagged over the amount of all frauds. "
            "Thresholds are read from the tested weeks themselves, which flatters them slightly. "
            "Cost: fraud that is missed, and {cost} minor units for each alert."
        ),
        (
            "警告率は、警告した取引が全取引に占める割合です。迷惑率は、正当な取引のうち警告したものの割合です。"
            "不正1件あたりの誤警告は、警告した不正1件に対して警告した正当な取引の数です。金額検知率は、警告した"
            "不正の金額が不正全体の金額に占める割合です。しきい値は試験期間そのものから読んだため、実際より"
            "わずかによく見えます。費用は、見逃した不正の金額に、警告1件あたり{cost}(最小通貨単位)を加えたものです。"
        ),
    ),
    "rate": ("alert rate", "警告率"),
    "recall": ("frauds flagged", "不正の検知率"),
    "value": ("value detection", "金額検知率"),
    "fp": ("false positives per fraud", "不正1件あたりの誤警告"),
    "insult": ("insult rate", "迷惑率"),
    "cost": ("cost", "費用"),
    "threshold": ("score from", "スコアの下限"),
    "weeks": ("Week by week, and drift", "週ごとの成績と変化"),
    "week": ("from", "開始日"),
    "purchases": ("purchases", "取引数"),
    "frauds": ("frauds", "不正"),
    "psi": ("shift of scores (PSI)", "スコアの変化(PSI)"),
    "weeks_note": (
        (
            "The shift compares a week's scores with the first week's: below 0.1 is usually called "
            "stable, above 0.25 shifted."
        ),
        (
            "スコアの変化は、最初の週と比べたものです。一般に、0.1 未満は安定、0.25 超は変化したと"
            "みなされます。"
        ),
    ),
    "gains": ("What it looks at", "何を見ているか"),
    "gains_note": (
        (
            "Share of what each feature adds to the separation while learning. It does not say why "
            "a single purchase scored as it did."
        ),
        "学習で各特徴量が判別に寄与した割合です。個々の取引の点の理由を示すものではありません。",
    ),
    "data": ("Data and choice", "データと選択"),
    "learnt": ("learnt from", "学習期間"),
    "delay": ("label delay", "ラベルの遅れ"),
    "days": ("{n} days", "{n}日"),
    "source": ("files (SHA-256)", "ファイル(SHA-256)"),
    "chosen": (
        "Chosen by mean average precision on {folds} folds before the test",
        "試験より前の{folds}組での平均適合率の平均による選択",
    ),
    "export": (
        "The model in the decision path gives the trees' margins to the last bit.",
        "判定に使うモデルは、学習した木と最後の1ビットまで同じ値を返します。",
    ),
    "onnx": (
        "The ONNX file was run on {rows} tested purchases: its largest difference is {difference}.",
        "ONNXファイルを試験期間の取引{rows}件で動かしたところ、差は最大で{difference}でした。",
    ),
    "no_onnx": (
        "No ONNX file was written: the package onnx is not installed.",
        "onnxパッケージがないため、ONNXファイルは作っていません。",
    ),
    "limits": ("Limits", "限界"),
    "limits_text": (
        (
            "Purchases that were declined have no label, so the model knows them only as attempts. "
            "Fraud that was never reported counts as genuine. On other cards, shops or years the "
            "figures are others. The score is a probability as far as the past goes; it is not a "
            "verdict about a person."
        ),
        (
            "断った取引にはラベルがないため、モデルはそれを試みとしてしか知りません。報告されなかった不正は"
            "正当な取引として数えられています。ほかのカード、加盟店、年では成績も変わります。スコアは過去から見た"
            "確率であり、人についての判定ではありません。"
        ),
    ),
}

TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {key: pair[0] for key, pair in _BOTH.items()},
    "ja": {key: pair[1] for key, pair in _BOTH.items()},
}
