"""The demo's page in both languages: each key once, English and Japanese side by side."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_BOTH: Final[Mapping[str, tuple[str, str]]] = {
    "simulation": ("SIMULATION", "シミュレーション"),
    "simulation_note": (
        "The operator, its shops, the issuer, the cards and all fraud here are invented.",
        "運営会社、店舗、カード会社、カード、不正利用はすべて架空のものです。",
    ),
    "title": ("Sekisho demo: a leak replayed", "Sekishoデモ：漏えいの再現"),
    "kind": (
        "One leak, replayed month by month from one card issuer’s own files",
        "カード会社1社の手元のデータだけで、ある漏えいを月ごとに再現",
    ),
    "headline.before": (
        ("Sekisho would have asked about {shops} on {found}: {days} before the card companies "
        "spoke up."),
        "Sekishoなら{found}に{shops}を照会できました。カード会社が実際に指摘する{days}前です。",
    ),
    "headline.after": (
        "Sekisho would have asked about {shops} on {found}, {days} after the card companies spoke.",
        "Sekishoが{shops}を照会できたのは{found}、カード会社の指摘の{days}後でした。",
    ),
    "headline.all": ("all {n} shops", "全{n}店舗"),
    "headline.never": (
        "Sekisho asks about none of the shops: too few of this issuer’s cards were misused.",
        "このカード会社の被害は少なく、Sekishoはどの店舗も照会しませんでした。",
    ),
    "lead": (
        ("{n} web shops of an invented operator leaked cards for up to {months} months. One issuer "
        "with {cards} cards has {exposed} that were entered there; thieves misuse {misused} of "
        "them. At the end of each month the issuer traces with what it knows on that day: its "
        "purchases and the fraud reported so far. Nobody tells it where to look."),
        ("架空の運営会社の通販{n}店舗から、最長{months}か月にわたりカード情報が漏えいしました。"
        "カード{cards}枚を発行する1社のカードのうち、店舗で入力されたのは{exposed}枚、"
        "うち{misused}枚が不正利用されます。カード会社は毎月末、その日までに分かっている"
        "利用履歴と不正利用の報告だけで調べます。どの店が怪しいかは誰も教えません。"),
    ),
    "figure.word": (
        "days before the card companies’ word",
        "カード会社の指摘までの先行日数",
    ),
    "figure.public": (
        "days before the public hears of it",
        "公表までの先行日数",
    ),
    "figure.saved": (
        "cards listed that day and misused later: in time to protect",
        "その日に一覧に載り、後で不正利用されたカード（保護が間に合う枚数）",
    ),
    "figure.yen": ("yen taken from those cards later", "それらのカードの、その後の被害額（円）"),
    "figure.wrong": (
        "shops asked about by mistake, in all months",
        "全期間で誤って照会した店舗数",
    ),
    "months.heading": ("Month by month", "月ごとの経過"),
    "months.note": (
        ("Each column is a month’s end. Read down: what was known, what Sekisho would have asked, "
        "and what a plain ratio would have blamed on the same data."),
        ("1列が1か月の末日です。上から順に、その時点で判明していた被害、Sekishoが照会した店舗、"
        "同じデータで単純比率が疑った店舗を示します。"),
    ),
    "months.alt": (
        ("Month by month: victims known, shops that Sekisho asks about, shops that the ratio "
        "blames. The same numbers are in the table “All numbers”."),
        ("月ごとの判明済み被害、Sekishoの照会先、単純比率の疑い先。同じ数値は「すべての数値」の"
        "表にあります。"),
    ),
    "row.events": ("What happened without Sekisho", "Sekishoがない場合の出来事"),
    "row.victims": ("Victims known so far (cards)", "判明済みの被害カード（累計、枚）"),
    "row.shop_sold": (", leaked until {end}", "（{end}まで漏えい）"),
    "row.wrong": ("Sekisho asks by mistake (shops)", "Sekishoの誤った照会（店舗）"),
    "row.ratio_right": ("Plain ratio: blamed rightly", "単純比率：正しく疑った店舗"),
    "row.ratio_wrong": ("Plain ratio: blamed wrongly", "単純比率：誤って疑った店舗"),
    "legend.found": ("Sekisho asks", "照会する"),
    "legend.suspect": ("suspected, not yet asked", "疑い（照会には至らず）"),
    "legend.silent": ("nothing to see", "兆候なし"),
    "event.begins": ("misuse begins", "不正利用が始まる"),
    "event.word": ("card companies tell the operator", "カード会社が運営会社に指摘"),
    "event.holder": ("issuer phones a holder", "会員に確認の電話"),
    "event.first": ("first public notice", "最初の公表"),
    "event.full": ("full notice, holders told", "詳細の公表、個別連絡"),
    "event.found": ("Sekisho asks about the first shop", "Sekishoが最初の店舗を照会"),
    "event.all": ("Sekisho asks about all {n} shops", "Sekishoが全{n}店舗を照会"),
    "events.heading": ("The same leak on one calendar", "同じ漏えいの暦"),
    "events.note": (
        ("The distances between word, phone call and notices are those on record for a real leak "
        "of this shape. When misuse began is not on record: it was chosen here, and the lead "
        "depends on it."),
        ("指摘、電話、公表の間隔は、同じ形の実際の漏えいの公開記録によります。不正利用の開始日は"
        "記録がないため、ここで仮に定めました。先行日数はこの仮定によって変わります。"),
    ),
    "events.day": ("Day", "日付"),
    "events.what": ("What happens", "出来事"),
    "events.distance": ("From the card companies’ word", "カード会社の指摘から"),
    "events.same": ("that day", "当日"),
    "events.before": ("{days} earlier", "{days}前"),
    "events.after": ("{days} later", "{days}後"),
    "ratio.heading": (
        "What the plain ratio blames on {day}",
        "{day}に単純比率が疑う店舗",
    ),
    "ratio.note": (
        ("The rule: at least {count} defrauded cards shopped there before their fraud, and they "
        "are at least {share} of all cards seen there. It counts where stolen cards are tried out "
        "as if they were stolen there, knows no dates, and does not know what chance does."),
        ("規則：不正利用の前にそこで使われた被害カードが{count}枚以上、かつ利用カード全体の{share}"
        "以上。盗まれたカードが試された店も、盗まれた店と同じように数えます。時期を区別せず、"
        "偶然の大きさも考慮しません。"),
    ),
    "ratio.none": ("It blames nobody on that day.", "その日に疑われた店舗はありません。"),
    "ratio.more": ("{n} more, not shown.", "ほか{n}店舗。"),
    "ratio.place": ("Place", "店舗"),
    "ratio.cards": ("Defrauded cards / all cards", "被害カード／全カード"),
    "ratio.ratio": ("Ratio", "比率"),
    "ratio.truth": ("What it really was", "実際"),
    "ratio.sekisho": ("Sekisho that day", "同日のSekisho"),
    "role.leak": ("a shop that leaked", "漏えいした店舗"),
    "role.test": ("stolen cards are tested here", "盗まれたカードの有効性確認に使われた店"),
    "role.spend": ("stolen cards are spent here", "盗まれたカードが使われた店"),
    "role.innocent": ("innocent", "無関係"),
    "says.found": ("asks", "照会する"),
    "says.suspect": ("suspects", "疑い"),
    "says.used": ("files as a place of testing or use", "使用先・有効性確認先に分類"),
    "says.silent": ("silent", "照会しない"),
    "windows.heading": ("Found windows beside the true ones", "推定した期間と実際の期間"),
    "windows.note": (
        ("The upper bar is when the shop really leaked; the lower bar is what the last trace, as "
        "of {day}, makes of the issuer’s files. At a shop with few victims the window is rough. "
        "Shops that are found together, as one operator’s, have one p."),
        ("上の帯は実際の漏えい期間、下の帯は{day}時点の最後の調査による推定です。"
        "被害の少ない店舗では推定も粗くなります。同じ運営会社としてまとめて検出した店舗は、pも共通です。"),
    ),
    "windows.alt": ("True and found windows; the dates are in the table.",
                    "実際の期間と推定期間。日付は表にあります。"),
    "windows.true": ("really leaked", "実際の漏えい期間"),
    "windows.found": ("found by the trace", "調査による推定"),
    "windows.none": ("not found", "検出なし"),
    "windows.shop": ("Shop", "店舗"),
    "windows.p": ("Chance (p)", "偶然の確率（p）"),
    "all.heading": ("All numbers", "すべての数値"),
    "all.day": ("As of", "時点"),
    "all.victims": ("Victims known", "判明済み被害"),
    "all.found": ("Asked, leaked", "照会（漏えい店舗）"),
    "all.wrong": ("Asked, did not leak", "照会（無関係）"),
    "all.strongest": ("Strongest p of a leaking shop", "漏えい店舗の最小p"),
    "all.listed": ("Exposed cards listed", "一覧の対象カード"),
    "all.later": ("of them misused later", "うち、その後の被害"),
    "all.right": ("Ratio: leaked", "比率：漏えい店舗"),
    "all.ratio_wrong": ("Ratio: did not leak", "比率：無関係"),
    "how.heading": ("What is invented, what is computed", "仮定と計算"),
    "how.invented": (
        ("Invented: the economy of {transactions} purchases, the leak, the share of cards misused "
        "({share}), when they are misused, and all other fraud. Made by the program from the "
        "number {seed}; another number (sekisho demo --seed) makes another economy."),
        ("仮定：{transactions}件の利用履歴、漏えい、不正利用される割合（{share}）と時期、その他の"
        "不正利用。番号{seed}からプログラムが生成しました。番号を変えると（sekisho demo --seed）"
        "別の世界になります。"),
    ),
    "how.computed": (
        ("Computed in this run: every finding, window, p-value and blame. A trace sees only the "
        "issuer’s files up to its day; what really happened is laid beside it afterwards."),
        ("今回の計算結果：検出、期間、p値、単純比率の結果のすべて。調査が使うのはその日までの"
        "データだけで、実際の出来事は後から並べています。"),
    ),
    "how.error": (
        ("Sekisho asks only where chance would do as much in fewer than {error} of runs. With "
        "another leak, fewer cards or later reports it may find nothing, and then says so."),
        ("Sekishoが照会するのは、偶然に同じ結果が出る確率が{error}未満の場合だけです。漏えいの形、"
        "カードの枚数、報告の遅れによっては検出できないこともあり、その場合はその旨を示します。"),
    ),
    "how.next": (
        "The last trace as a fraud lead would get it: {report}. The files it read are in data/.",
        "不正対策の担当者が受け取る形の最後の調査報告：{report}。入力ファイルはdata/にあります。",
    ),
    "how.report": ("trace/report.html", "trace/report.ja.html"),
    "made_by": (
        "Made by Sekisho {version}. A finding is a statistical association, never a verdict.",
        "Sekisho {version}により作成。検出結果は統計的な関連であり、認定ではありません。",
    ),
}  # fmt: skip

TEXTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({
    "en": MappingProxyType({key: both[0] for key, both in _BOTH.items()}),
    "ja": MappingProxyType({key: both[1] for key, both in _BOTH.items()}),
})  # fmt: skip
