"""What ``sekisho key`` says to custodians, in English and Japanese."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class KeyLanguage(StrEnum):
    """The language that custodians are spoken to in."""

    EN = "en"
    JA = "ja"


_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "wrote": (
        "Wrote {name} ({kind} key {key_id}, mode 0600).",
        "{name} を作りました（{kind}、鍵 ID {key_id}、モード 0600）。",
    ),
    "card": ("card", "カード鍵"),
    "number": ("number", "番号鍵"),
    "keep_card": (
        (
            "Keep a copy in a safe place, away from the data: without it the same card\n"
            "never gets the same reference again; with it references can be guessed back."
        ),
        (
            "写しを、データとは別の安全な場所に保管してください。失うと、同じカードに同じ参照を二度と\n"
            "付けられません。他人の手に渡ると、参照から番号を割り出されるおそれがあります。"
        ),
    ),
    "keep_number": (
        (
            "Keep a copy in a safe place, away from the vault file: without it no kept number can\n"
            "be read again; with it and the vault file all of them can."
        ),
        (
            "写しを、保管ファイルとは別の場所に保管してください。失うと、保管した番号を\n"
            "二度と読めません。保管ファイルと一緒に他人の手に渡ると、番号をすべて読まれます。"
        ),
    ),
    "next_card": (
        "Next: sekisho import FILES... --card-key {name} --out DIR",
        "次のコマンド: sekisho import FILES... --card-key {name} --out DIR",
    ),
    "next_number": (
        (
            "Next: sekisho import FILES... --card-key CARD_KEY --keep-numbers VAULT "
            "--number-key {name} --keep-days DAYS --out DIR"
        ),
        (
            "次のコマンド: sekisho import FILES... --card-key CARD_KEY --keep-numbers VAULT "
            "--number-key {name} --keep-days DAYS --out DIR"
        ),
    ),
    "turn": (
        "Custodian {place}: please come to the screen alone. Your component will be {name}.",
        "保管者 {place} の方だけ、画面の前に来てください。あなたの分割鍵は {name} に入ります。",
    ),
    "choose": (
        "Choose a passphrase (12 characters or more; it is not shown)",
        "パスフレーズを決めて入力してください（12 文字以上、画面には出ません）",
    ),
    "too_short": (
        (
            "It is shorter than 12 characters. Four or five words that do not belong together are\n"
            "easy to keep."
        ),
        "12 文字に足りません。互いに関係のない言葉を四つか五つ並べると覚えやすくなります。",
    ),
    "not_open": (
        "{name} does not open: the passphrase does not fit, or the file was changed.",
        "{name} が開きません。パスフレーズが違うか、ファイルが書き換わっています。",
    ),
    "again": ("The same once more", "確認のため、もう一度入力してください"),
    "differ": (
        "The two differ. Please choose again.",
        "二つの入力が一致しません。もう一度お決めください。",
    ),
    "component": (
        (
            "Component {place}: {name}, check value {check}. Its custodian notes the check value,\n"
            "keeps the file and the passphrase, and gives neither to the other."
        ),
        (
            "分割鍵 {place}: {name}（確認値 {check}）。保管者は確認値を控え、\n"
            "ファイルとパスフレーズを保管してください。どちらも相手には渡さないでください。"
        ),
    ),
    "sealed": (
        (
            "{name} is sealed (seal {seal}). From now on both custodians are needed to use it:\n"
            "--component {first} --component {second}"
        ),
        (
            "{name} を封印しました（封印 ID {seal}）。使うには二人の保管者がそろう必要があります:\n"
            "--component {first} --component {second}"
        ),
    ),
    "copies": (
        "Copies of {name} from before are not sealed. Destroy them.",
        "以前に取った {name} の写しは封印されていません。すべて廃棄してください。",
    ),
    "passphrase_of": (
        "Passphrase of {name} (it is not shown)",
        "{name} のパスフレーズ（画面には出ません）",
    ),
    "rotated": (
        "{name}: {new} is the active {kind} key; {old} stays to read with.",
        "{name}: 有効な鍵は {new} です（{kind}）。これまでの {old} は読み取り用に残ります。",
    ),
    "after_card": (
        (
            "References are made with the new key from now on; the same card gets another one.\n"
            "Carry old references over: sekisho vault rekey VAULT ... (for kept numbers), or\n"
            "sekisho import FILES... --old-references (from files with card numbers).\n"
            "When nothing uses the old key any more: sekisho key retire {name} --id {old}"
        ),
        (
            "今後は新しい鍵で参照を作るため、同じカードにも別の参照が付きます。\n"
            "古い参照の引き継ぎ: 番号を保管しているなら sekisho vault rekey VAULT ...、\n"
            "番号の入ったファイルからは sekisho import FILES... --old-references です。\n"
            "古い鍵を使うものがなくなったら: sekisho key retire {name} --id {old}"
        ),
    ),
    "after_number": (
        (
            "Next, for every vault file: sekisho vault rewrap VAULT --number-key {name}\n"
            "Then: sekisho key retire {name} --id {old} --vault VAULT"
        ),
        (
            "次に、すべての保管ファイルで: sekisho vault rewrap VAULT --number-key {name}\n"
            "その後: sekisho key retire {name} --id {old} --vault VAULT"
        ),
    ),
    "retired": (
        "{name}: the {kind} key {old} is gone. Destroy its copies too.",
        "{name}: 鍵 {old} を削除しました（{kind}）。写しも廃棄してください。",
    ),
    "shown": ("{name}: {kind} key file", "{name}: {kind}のファイル"),
    "shown_sealed": (
        "sealed (seal {seal}): two custodians open it together",
        "封印済み（封印 ID {seal}）: 開けるには二人の保管者が必要です",
    ),
    "shown_key": ("{key_id}  {state}  made {made_on}", "{key_id}  {state}  作成日 {made_on}"),
    "active": ("active", "有効"),
    "older": ("older ", "旧鍵"),
    "unknown_day": ("on an unknown day", "不明"),
    "age": (
        "The active key is {days} days old. Change it within the period your rules give it.",
        "有効な鍵は作成から {days} 日たっています。社内規程の定める期間内に交換してください。",
    ),
    "checked": (
        "{name} opens: component {place} of seal {seal}, check value {check}.",
        "{name} は正しく開きます: 封印 {seal} の分割鍵 {place}、確認値 {check}。",
    ),
}


class Say:
    """Texts in one language."""

    def __init__(self, language: KeyLanguage = KeyLanguage.EN) -> None:
        self._place = list(KeyLanguage).index(language)

    def __call__(self, key: str, **values: object) -> str:
        """Return the text ``key`` with its values filled in; ``KeyError`` if one is missing."""
        return _TEXTS[key][self._place].format(**values)
