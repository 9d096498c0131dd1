"""The words of a search, on the screen and on the page: English and Japanese side by side."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("Stored card data", "保存されたカード情報"),
    "confidential": ("CONFIDENTIAL", "社外秘"),
    "confidential_note": (
        "For those who have to remove what is listed here.",
        "ここに挙げた情報を取り除く担当者に限ります。",
    ),
    "kind": ("Search for stored card data", "保存されたカード情報の検索結果"),
    "h1.found": (
        "Card data is stored in {files} places",
        "{files} か所にカード情報が保存されています",
    ),
    "h1.found_one": ("Card data is stored in one place", "1 か所にカード情報が保存されています"),
    "h1.none": ("No card data was found", "カード情報は見つかりませんでした"),
    "h1.unsure": (
        "No card data was found in what could be read",
        "読めた範囲では、カード情報は見つかりませんでした",
    ),
    "lead.codes": (
        (
            "Security codes or magnetic-stripe data are among them. No one may keep these after "
            "authorization, not even encrypted. Begin there."
        ),
        (
            "セキュリティコードまたは磁気データが含まれています。これらはオーソリゼーション後の保存が、暗号化しても"
            "認められていません。まずここから対処してください。"
        ),
    ),
    "lead.pans": (
        "These are card numbers in clear. Whoever reads these files holds the cards.",
        "平文のカード番号です。これらのファイルを読める人は、カードを手にしているのと同じです。",
    ),
    "lead.none": (
        "Everything named was looked into, to the end.",
        "指定されたものは、すべて最後まで調べました。",
    ),
    "lead.unsure": (
        "{n} could not be read, wholly or in part. Until they are, nothing is said about them.",
        "{n} 件は、全部または一部を読めませんでした。それらについては何も言えません。",
    ),
    "figure.codes": ("security codes", "セキュリティコード"),
    "figure.tracks": ("magnetic stripes", "磁気データ"),
    "figure.pans": ("card numbers", "カード番号"),
    "figure.files": ("looked into", "調べたもの"),
    "figure.not_read": ("not read", "読めなかったもの"),
    "todo": ("What to do, in this order", "対応の順序"),
    "todo.stop": (
        (
            "Find out what writes there (a log setting, a form, an export) and stop it first. "
            "Otherwise it is back tomorrow."
        ),
        (
            "何が書き込んでいるのか（ログの設定、フォーム、書き出し処理など）を突き止め、先に止めます。"
            "止めないと、明日また書き込まれます。"
        ),
    ),
    "todo.evidence": (
        (
            "If a leak is suspected, ask the forensic investigator before anything is deleted: "
            "these files may be evidence."
        ),
        (
            "漏えいの疑いがあるときは、消す前にフォレンジック調査会社に確認します。"
            "ファイルが証拠になることがあります。"
        ),
    ),
    "todo.codes": (
        "Delete security codes and magnetic-stripe data, backups and copies too.",
        "セキュリティコードと磁気データを、バックアップや写しも含めて消去します。",
    ),
    "todo.pans": (
        (
            "Delete card numbers that nobody needs; move the others to where they are encrypted. "
            "For text files, --redact writes a masked copy."
        ),
        (
            "不要なカード番号は消去し、必要なものは暗号化された保管先に移します。"
            "テキストファイルなら --redact で伏せ字の写しを作れます。"
        ),
    ),
    "todo.scope": (
        (
            "Note who could read these places and since when: it belongs to the scope of an "
            "incident (PCI DSS 4.0.1 req. 12.10.7)."
        ),
        (
            "誰が、いつから読めたのかを記録します。インシデントの範囲を決める材料です"
            "（PCI DSS 4.0.1 要件 12.10.7）。"
        ),
    ),
    "todo.again": (
        "Search again until nothing is left.",
        "何も残らなくなるまで、もう一度検索します。",
    ),
    "places": ("Where", "見つかった場所"),
    "places.note": (
        "Most dangerous first: security codes and stripes, then the number of cards.",
        "危険なものから順に並べています（セキュリティコードと磁気データ、次にカード番号の件数）。",
    ),
    "col.path": ("Place", "場所"),
    "col.codes": ("Security codes", "セキュリティコード"),
    "col.tracks": ("Stripes", "磁気データ"),
    "col.pans": ("Card numbers", "カード番号"),
    "col.brands": ("Brands", "ブランド"),
    "each": ("Each finding", "一件ずつの一覧"),
    "each.cut": (
        "The first {n} are listed here; the JSON and SARIF files have all {all}.",
        "先頭の {n} 件を載せています。全 {all} 件は JSON・SARIF ファイルにあります。",
    ),
    "col.what": ("What", "種類"),
    "col.masked": ("Masked", "伏せ字"),
    "col.where": ("Where in it", "位置"),
    "col.beside": ("Beside it", "隣にある情報"),
    "col.confidence": ("Confidence", "確度"),
    "what.pan": ("card number", "カード番号"),
    "what.security_code": ("security code", "セキュリティコード"),
    "what.track": ("magnetic stripe", "磁気データ"),
    "beside.expiry": ("expiry", "有効期限"),
    "beside.security_code": ("security code", "セキュリティコード"),
    "place.line": ("line {n}", "{n} 行目"),
    "place.offset": ("byte {n}", "{n} バイト目"),
    "not_read": ("What could not be read", "読めなかったもの"),
    "not_read.note": (
        "A place that was not read is not a clean place.",
        "読めなかった場所は、問題のない場所ではありません。",
    ),
    "col.reason": ("Why", "理由"),
    "method": ("How to read this", "この結果の読み方"),
    "method.confidence": (
        (
            "Confidence is the chance that a number is a card number, from its brand, length and "
            "check digit, from the other values of its column, and from the words beside it. What "
            "is less likely than not (below 0.50) is left out."
        ),
        (
            "確度は、その番号がカード番号である見込みです。ブランド、桁数、チェックディジット、同じ列のほかの値、"
            "隣の言葉から求めます。0.50 に満たないものは載せていません。"
        ),
    ),
    "method.masked": (
        (
            "Numbers show their first six and last four digits at most; security codes show "
            "nothing. No number in clear is anywhere in this page."
        ),
        (
            "番号は先頭 6 桁と末尾 4 桁までしか示しません。セキュリティコードは一切示しません。"
            "このページのどこにも、平文の番号はありません。"
        ),
    ),
    "method.limits": (
        (
            "Not seen: numbers in pictures, in encrypted files, in deleted rows of a database, and "
            "numbers that were encoded or encrypted."
        ),
        (
            "見えないもの：画像の中の番号、暗号化されたファイル、データベースの削除済みの行、"
            "符号化または暗号化された番号。"
        ),
    ),
    "tests": (
        "{n} published test numbers were seen and not counted.",
        "公開されているテスト番号が {n} 件ありました（件数に含めていません）。",
    ),
    "accepted": (
        "{n} findings are accepted by the baseline and not listed.",
        "{n} 件は承認済み（ベースライン）のため、載せていません。",
    ),
    "footer": (
        "Made by Sekisho {version}. Nothing left this machine.",
        "Sekisho {version} が作成しました。データはこの端末の外に出ていません。",
    ),
    "screen.more": ("... and {n} more", "… ほか {n} 件"),
    "screen.more_files": (
        "... and {n} more places: --page or --json lists them all",
        "… ほか {n} か所（--page または --json ですべて見られます）",
    ),
    "screen.counts": (
        (
            "{codes} security codes, {tracks} magnetic stripes, {pans} card numbers "
            "in {files} places; {looked} looked into, {not_read} not read"
        ),
        (
            "セキュリティコード {codes} 件、磁気データ {tracks} 件、カード番号 {pans} 件"
            "（{files} か所）。調べたもの {looked} 件、読めなかったもの {not_read} 件"
        ),
    ),
    "screen.none": (
        "No card data found. {looked} looked into, {not_read} not read",
        "カード情報は見つかりませんでした。調べたもの {looked} 件、読めなかったもの {not_read} 件",
    ),
    "screen.not_read": ("not read", "未読"),
    "screen.redacted": ("masked copy: {path}", "伏せ字の写し：{path}"),
    "screen.not_redacted": ("no masked copy of {path}: {why}", "{path} の写しは作れません：{why}"),
    "screen.begin": (
        "Begin with the security codes and stripes: nobody may keep them.",
        "セキュリティコードと磁気データから対処してください。保存は認められていません。",
    ),
    "screen.written": ("Wrote {path}", "{path} を書き出しました"),
}

TEXTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({
    language: MappingProxyType({key: pair[at] for key, pair in _TEXTS.items()})
    for at, language in enumerate(("en", "ja"))
})  # fmt: skip

_REASONS_JA: Final = (
    ("no permission", "読む権限がありません"),
    ("vanished before it could be read", "読む前になくなりました"),
    ("became shorter while it was read", "読んでいる間に短くなりました"),
    ("does not exist", "存在しません"),
    ("a link to nothing", "リンク先がありません"),
    (
        "not a plain file: a device, a pipe or a socket",
        "通常のファイルではありません（デバイス、パイプ、ソケット）",
    ),
    ("encrypted", "暗号化されています"),
    ("PDF is broken", "PDF が壊れています"),
    ("its reader died over it", "読み取り中に処理が落ちました"),
)


def reason_in(language: str, reason: str) -> str:
    """A reason in ``language``; those without a translation stay as they are."""
    if language != "ja":
        return reason
    return dict(_REASONS_JA).get(reason, reason)
