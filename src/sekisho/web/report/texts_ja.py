"""The report in Japanese: one frozen table, keys as in ``texts_en``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # The page
        "page.title": "カード情報漏えい元の調査報告（Sekisho）{as_of}時点",
        "page.confidential": "社外秘",
        "page.confidential_note": "カード会社の不正対策部門および同部門が指定する方に限ります。"
        "会員や一般への開示は禁止します。",
        "page.kind": "共通利用加盟店 調査報告書",
        "page.as_of": "{as_of}終了時点",
        "page.for": "{who} 御中",
        "page.footer": "社外秘 Sekisho調査報告 {as_of}時点",
        "page.page": "ページ",
        "page.contents": "目次",
        "page.made_by": "Sekisho {version} により作成。"
        "本報告は統計的な関連を示すもので、漏えいの事実を認定するものではありません。",
        "list.separator": "、",
        "span.table": "{start}〜{end}",
        # Counts
        "count.card.one": "{n}枚",
        "count.card.many": "{n}枚",
        "count.day.one": "{n}日",
        "count.day.many": "{n}日",
        "count.place.one": "{n}件",
        "count.place.many": "{n}件",
        "count.shop.one": "{n}店舗",
        "count.shop.many": "{n}店舗",
        # Chances
        "chance.trillion": "1兆回に1回未満",
        "chance.billion": "10億回に1回未満",
        "chance.million": "100万回に1回未満",
        "chance.thousand": "1,000回に1回未満",
        "chance.hundred": "100回に1回未満",
        "chance.about": "約{n}回に1回",
        # Headline
        "headline.span.closed": "{start}から{end}までの間に",
        "headline.span.ongoing": "{start}以降に",
        "headline.span.censored": "{end}までに（履歴の始まる{start}より前からの可能性あり）",
        "headline.span.whole": "{start}以降（それ以前からの可能性あり）に",
        "headline.place": "「{name}」",
        "headline.group": "「{name}」の{shops}",
        "headline.ratio": "{place}で{span}利用されたカードの不正利用が、"
        "想定の{ratio}倍発生しています。{ask}。",
        "headline.no_ratio": "{place}で{span}利用されたカードの不正利用が、"
        "想定を大きく上回って発生しています。{ask}。",
        "headline.period_ratio": "{place}で{span}利用されたカードの不正利用が、"
        "{misused_from}から{misused_until}までに想定の{ratio}倍発生しています。{ask}。",
        "headline.period_no_ratio": "{place}で{span}利用されたカードの不正利用が、"
        "{misused_from}から{misused_until}までに想定を大きく上回って発生しています。{ask}。",
        "headline.none": "加盟店への照会が必要な、強い関連は見つかりませんでした。",
        "ask.merchant": "アクワイアラーを通じた加盟店への照会をお勧めします",
        "ask.operator": "アクワイアラーを通じた運営会社への照会をお勧めします",
        "ask.processor": "決済代行業者への照会をお勧めします",
        "ask.acquirer": "アクワイアラーへの照会をお勧めします",
        "ask.terminal": "アクワイアラーを通じた端末設置加盟店への照会をお勧めします",
        # Summary
        "summary.heading": "要点",
        "summary.one": "この期間に利用された{exposed}のうち、その後不正利用されたカードは"
        "{defrauded}です（偶然による想定は{expected}枚）。"
        "漏えいがまったくない場合に、これほど強い結果が偶然現れるのは、"
        "同様の調査{chance}です。",
        "summary.one_span": "この期間に利用された{exposed}のうち、{start}から{end}までに"
        "不正利用されたカードは{defrauded}です（偶然による想定は{expected}枚）。"
        "漏えいがまったくない場合に、これほど強い結果が偶然現れるのは、"
        "同様の調査{chance}です。",
        "summary.more.one": "このほかに検出された利用先は、{names}の1件です。",
        "summary.more.many": "このほかに{n}件が検出されています（{names}）。",
        "summary.members": "該当する店舗は{names}です。",
        "summary.names_cut": "{names}ほか{n}件",
        "summary.protect": "対象期間内に利用されたカードのうち、{unharmed}はまだ不正利用されて"
        "おらず、今から被害を防ぐことができます。",
        "summary.verdict": "本報告は統計的な関連を示すもので、漏えいの事実や責任の所在を認定する"
        "ものではありません。どこに照会すべきかをお示しするものです。",
        "summary.calm": "{as_of}までの取引{transactions}件と不正利用カード{cases}枚を調べましたが、"
        "加盟店への照会が必要なほど際立った先はありませんでした。"
        "これは通常の結果です。ただし、漏えいがなかったことを証明するものではありません。",
        "summary.calm_suspects": "経過を見守るべき先が{places}あります。"
        "検出としなかった理由とともに、下表に示します。",
        "summary.calm_suspects_one": "経過を見守るべき先が{places}あります。"
        "検出としなかった理由とともに、下表に示します。",
        "figure.findings": "検出件数",
        "figure.findings_one": "検出件数",
        "figure.exposed": "対象カード",
        "figure.defrauded": "うち不正利用あり",
        "figure.unharmed": "うち不正利用なし",
        "figure.lead": "検出可能となってからの日数",
        "figure.cases": "調べた不正利用カード",
        "figure.controls": "対照カード",
        "figure.entities": "検定した先",
        # What would have been visible
        "visible.heading": "検出できた漏えいの規模",
        "visible.intro": "今回の履歴と不正利用報告であれば、対象カードのうち次の枚数が不正利用"
        "された時点で、漏えいを検出できたと考えられます。履歴の全期間に不正利用が分散した場合の"
        "目安です。数週間に集中する場合は偶然による想定が小さくなり、より早く検出できます。",
        "visible.size": "利用先の対象カード",
        "visible.expected": "偶然による想定",
        "visible.needed": "検出に必要な不正利用",
        "visible.share": "対象カードに占める割合",
        "visible.caption": "検出に必要な不正利用の枚数",
        "visible.nothing": "今回の履歴では不正利用の報告が少なく、規模によらず漏えいを検出でき"
        "ません。履歴または不正利用報告を追加してください。",
        # Ranking
        "ranking.heading": "検出結果（関連の強い順）",
        "ranking.caption": "検出結果と漏えい対象期間の一覧",
        "ranking.chart": "{start}から{end}までの時間軸に、各検出結果の漏えい対象期間を示した図。"
        "日付はすべて次の表にあります。",
        "proposed.heading": "一つの漏えいである可能性のある加盟店",
        "proposed.intro": "これらの加盟店の関係を示すデータはありません。ただし、互いに無関係な"
        "漏えいであれば、次のような一致はまれにしか起こりません。可能性の提示であり、断定ではありません。",
        "proposed.misuse": "盗まれたカードが同じ時期に使われ始めています。",
        "proposed.window": "漏えいの時期が一致しています。",
        "proposed.chance": "無関係な二つの漏えいが偶然この程度に一致する確率：{chance}。",
        "proposed.next": "運営会社、決済画面、その他共通して利用しているサービスがないか、"
        "アクワイアラーにご確認ください。共通するものが分かれば、加盟店ファイルに記載のうえ、再度お調べください。",
        "ranking.rank": "順位",
        "ranking.place": "利用先",
        "ranking.level": "区分",
        "ranking.window": "漏えい対象期間（推定）",
        "ranking.exposed": "対象カード",
        "ranking.defrauded": "不正利用",
        "ranking.expected": "想定",
        "ranking.ratio": "想定比（倍）",
        "ranking.chance": "偶然に起こる確率",
        "ranking.first_misuse": "最初の不正利用",
        "ranking.found_on": "検出可能となった日",
        "legend.window": "漏えい対象期間",
        "legend.interval": "両端の推定誤差",
        "legend.first_misuse": "最初の不正利用",
        "legend.found_on": "検出可能となった日",
        "legend.observed": "実績",
        "legend.expected": "偶然による想定",
        "legend.period": "不正利用が集中した期間",
        # One finding
        "finding.heading": "{n}. {place}",
        "finding.sentence": "対象カード{exposed}のうち{defrauded}が不正利用されました"
        "（想定は{expected}枚）。",
        "finding.window": "漏えい対象期間（推定）",
        "finding.start_interval": "開始日の推定範囲",
        "finding.end_interval": "終了日の推定範囲",
        "finding.interval": "{lower}〜{upper}（信頼度{confidence}）",
        "finding.exposed": "対象カード",
        "finding.defrauded": "不正利用されたカード",
        "finding.expected": "偶然による想定",
        "finding.ratio": "想定比（倍）",
        "finding.period": "集計した不正利用",
        "finding.period_all": "{as_of}までの全期間",
        "finding.period_days": "{start}から{end}まで",
        "finding.rate": "報告済みの不正利用率",
        "finding.rate_value": "対象カードの{rate}",
        "finding.rate_corrected": "不正利用の報告は遅れて届きます。これまでの報告の遅れ方から見て、"
        "{as_of}までの不正利用は最終的に約{cards}、対象カードの{rate}になる見込みです"
        "（{lower}〜{upper}、信頼度{confidence}）。報告されない不正利用は含みません。",
        "finding.p_value": "偶然に起こる確率",
        "finding.p_value_text": "{chance}（p = {p}、すべての検定について補正済み）",
        "finding.p_value_floor": "{chance}（p {p}、すべての検定について補正済み）",
        "finding.llr": "対数尤度比",
        "finding.data": "不正利用から推定される漏えい項目",
        "finding.data_unknown": "不正利用の状況からは判断できません",
        "finding.terminals": "超過が集中している端末",
        "terminals.one": "{id}：{cards}のうち{defrauded}枚が不正利用（想定は{expected}枚）",
        "terminals.elsewhere": "この店のほかの端末だけで利用された{cards}では{defrauded}枚です"
        "（想定は{expected}枚）。店全体からの漏えいだったとして、これほど少ない確率は{p}です。",
        "finding.theft": "情報の盗まれ方",
        "theft.form_skimming": "入力フォームからの窃取（入力された情報が読み取られた）",
        "theft.database_theft": "データベースからの窃取（保存された情報が持ち出された）",
        "theft.cannot_be_told": "判別できません（入力フォームかデータベースか）",
        "theft.counts": "カード情報を入力した{entered}のうち{entered_bad}枚が不正利用されました"
        "（想定は{entered_expected}枚）。保存された情報による加盟店からの請求だけがあった"
        "{charged}では{charged_bad}枚です（想定は{charged_expected}枚）。こうなる確率は、"
        "入力された情報だけが読み取られた場合で{p_form}、保存された情報が盗まれた場合で"
        "{p_database}です。",
        "theft.none_charged": "期間内に、保存された情報による請求だけがあったカードはありません。",
        "finding.first_misuse": "最初の不正利用",
        "finding.unknown": "不明",
        "finding.id": "識別番号",
        "finding.level": "区分",
        "finding.facts": "主な数値",
        "finding.flag.censored": "対象期間の始まりは、履歴の開始日（{start}）で切れています。"
        "実際にはそれ以前に始まっていた可能性があり、確認にはより古い履歴が必要です。",
        "finding.flag.ongoing": "対象期間は現在も続いている可能性があります。本日利用された"
        "カードも漏えいのおそれがあるため、ただちに照会してください。",
        "finding.alternatives": "区別できない利用先",
        "finding.alternatives_text": "次の利用先は利用したカードがほぼ同じで、今回のデータだけでは"
        "どこが漏えい元かを区別できません。あわせて照会してください。",
        "finding.members": "この検出結果に含まれる店舗",
        "finding.members_caption": "店舗ごとの漏えい対象期間",
        "finding.lead": "早期検出の効果",
        "finding.lead_text": "{found_on}時点の調査であれば、今回より{days}早く検出できました。"
        "それ以降に不正利用されたカードは{saved}です。",
        "finding.lead_today": "今回の調査で初めて検出されました。",
        "finding.lead_optimistic": "不正利用報告に報告日がないため、発生当日に把握できたものとして"
        "計算しています。実際の日数はこれより短くなります。",
        "finding.tested": "検証した他の説明",
        "finding.tested_none": "この利用先について検証した他の説明はありません。",
        "tested.explanation": "考えられる説明",
        "tested.outcome": "検証結果",
        "tested.excluded": "説明できない",
        "tested.not_excluded": "説明できる可能性あり",
        # Charts
        "chart.visits": "不正利用されたカードの利用時期",
        "chart.visits_note": "不正利用されたカードを、この利用先で初めて利用した日ごとに集計"
        "（{unit}）。線を上回る棒が、偶然では説明できない部分です。",
        "chart.visits_alt": "棒グラフ：{name}で不正利用カードが初めて利用された時期の実績と想定"
        "（{unit}）。漏えい対象期間{start}〜{end}に網掛け。合計は実績{observed}、想定{expected}。"
        "数値はすべて次の表にあります。",
        "chart.misuse": "不正利用の発生時期",
        "chart.misuse_note": "被害カードを不正利用の発生日ごとに集計（{unit}）。"
        "報告が遅れる不正利用が"
        "あるため、直近の棒は今後伸びる可能性があります。",
        "chart.misuse_alt": "棒グラフ：{name}の被害カードの発生日別の実績と想定（{unit}）。"
        "合計は実績{observed}、想定{expected}。数値はすべて次の表にあります。",
        "chart.table": "グラフの数値：{title}",
        "chart.caption": "グラフの数値（{unit}）",
        "chart.from": "開始日",
        "chart.observed": "実績",
        "chart.expected": "想定",
        "chart.exposed": "初回利用カード",
        "chart.total": "合計",
        "unit.day": "日別",
        "unit.week": "週別",
        "unit.month": "月別",
        "unit.quarter": "四半期別",
        "unit.year": "年別",
        "unit.step": "等間隔の期間別",
        # Funnel
        "funnel.heading": "対象カードの内訳",
        "funnel.intro": "複数の利用先で対象となったカードも1枚として数えています。",
        "funnel.intro_pooled": "各カード会社と各利用先の件数の合計です。複数の利用先で対象となった"
        "カードは、件数だけでは区別できないため、それぞれで数えています。",
        "funnel.alt": "履歴にあるカード{seen}のうち、検出先で対象期間内に利用されたカードは"
        "{exposed}。その内訳は、不正利用あり{defrauded}、不正利用なし{unharmed}。",
        "funnel.seen": "履歴にあるカード",
        "funnel.exposed": "対象カード（検出先で対象期間内に利用）",
        "funnel.defrauded": "不正利用あり",
        "funnel.unharmed": "不正利用なし（今後保護すべきカード）",
        "funnel.cards": "枚数",
        "funnel.share": "割合",
        "funnel.of_seen": "全カードの{share}",
        "funnel.of_exposed": "対象カードの{share}",
        "funnel.step": "区分",
        # Known leaks
        "known.heading": "先に取り除いた既知の漏えい",
        "known.intro": "この調査の前から分かっていた漏えいです。"
        "これによる不正利用とみなしたカードは、"
        "ほかの利用先を疑う根拠に用いていません。陰に隠れていた漏えいを見つけるためです。",
        "known.caption": "既知の漏えいと、それぞれの扱い",
        "known.place": "既知の漏えい",
        "known.window": "漏えい対象期間",
        "known.exposed": "対象カード",
        "known.defrauded": "その後の不正利用",
        "known.expected": "漏えいがない場合の想定",
        "known.taken_out": "取り除いた枚数",
        "known.state": "扱い",
        "known.state.taken_out": "取り除きました",
        "known.state.no_excess": "取り除いていません（不正利用がほかのカードより多くありません）",
        "known.state.no_visits": "取り除いていません（期間内の利用が履歴にありません）",
        "known.state.unknown": "取り除いていません（履歴に見当たりません）",
        "known.state.ambiguous": "取り除いていません"
        "（同じ番号の加盟店が複数のアクワイアラーにあります）",
        # Suspects
        "suspects.heading": "検出としなかった候補",
        "suspects.intro": "不正利用が想定を上回ったものの、今回の調査だけを根拠に加盟店へ照会すべき"
        "ではない利用先です。",
        "suspects.caption": "候補と、検出としなかった理由",
        "suspects.why": "検出としなかった理由",
        "suspects.none": "ほかに該当する利用先はありませんでした。",
        "suspects.cut": "さらに弱い{n}件は findings.json に記録しています。",
        "suspect.weak": "関連が弱い",
        "suspect.weak.why": "多数の利用先を検定すると、この程度の結果は偶然にも現れます。"
        "今後強まることも、消えることもあります。",
        "suspect.use_or_test": "盗まれたカードの使用先・有効性確認先",
        "suspect.use_or_test.why": "カードがここで使われたのは不正利用の直前で、"
        "すでに盗まれた後です。"
        "情報が盗まれた場所ではなく、悪用された場所と考えられます。",
        "suspect.explained": "他の要因で説明可能",
        "suspect.explained.why": "より強い検出結果や、"
        "カードが共通して使われる近隣の利用先を考慮すると、"
        "超過分が残りません。",
        # Levels
        "level.merchant": "加盟店",
        "level.operator": "運営会社",
        "level.processor": "決済代行業者",
        "level.acquirer": "アクワイアラー",
        "level.terminal": "端末",
        # Data taken
        "data.at_least": "少なくとも{data}",
        "data.evidence": "{data}：不正利用されたカード{known}枚のうち{shown}枚の"
        "不正利用に必要でした（同じ時期のほかの不正利用では{others_known}枚のうち{others_shown}枚）",
        "data.pan": "カード番号",
        "data.expiry": "有効期限",
        "data.security_code": "セキュリティコード",
        "data.holder_name": "カード名義人名",
        "data.track": "磁気ストライプ情報",
        "data.pin": "暗証番号",
        "data.address": "住所",
        "data.credentials": "本人認証サービスのパスワード",
        # Explanations
        "explanation.busy_cards": "利用頻度の高いカード：よく使うカードは利用先も多く、"
        "盗まれる機会も多い。",
        "explanation.busy_cards.out": "利用頻度の低い側の半数のカードだけでも、超過は残りました。",
        "explanation.busy_cards.in": "利用頻度の低い側の半数のカードだけでは、"
        "超過はほとんど残りません。",
        "explanation.product": "カード種類：特定の種類のカードが狙われ、"
        "その会員がここをよく利用する。",
        "explanation.product.out": "被害の最も多い種類を除いても、超過は残りました。",
        "explanation.product.in": "被害の最も多い種類を除くと、超過はほとんど残りません。",
        "explanation.home_area": "居住地域：利用客の住む地域で、もともと不正利用が多い。",
        "explanation.home_area.out": "被害の最も多い地域を除いても、超過は残りました。",
        "explanation.home_area.in": "被害の最も多い地域を除くと、超過はほとんど残りません。",
        "explanation.neighbours": "近隣の利用先：実際には、同じ客が使う別の店で漏えいした。",
        "explanation.neighbours.out": "近隣の店だけで利用されたカードに、同様の超過はありません。",
        "explanation.neighbours.in": "近隣の店だけで利用されたカードにも、同様の超過があります。",
        "explanation.use_or_test": "使用・有効性確認：盗まれたカードがここで使われ、"
        "または試された。",
        "explanation.use_or_test.out": "利用は不正利用よりかなり前の、通常の買い物でした。",
        "explanation.use_or_test.in": "多くのカードで、利用が不正利用の直前に集中しています。",
        "explanation.burst": "単一の攻撃：番号の連続したカードが、番号帯への攻撃などで"
        "一度に被害を受けた。",
        "explanation.burst.out": "攻撃ごとに1件と数えても、超過は残りました。",
        "explanation.burst.in": "攻撃を1件と数えると、超過はほとんど残りません。",
        "explanation.own_fraud": "加盟店自身の請求：報告された不正利用が、定期購入の苦情など"
        "この店の請求そのものである。",
        "explanation.own_fraud.out": "この店での不正利用を除いても、超過は残りました。",
        "explanation.own_fraud.in": "この店での不正利用を除くと、超過はほとんど残りません。",
        "explanation.other_finding": "他の検出結果：同じ被害カードが、"
        "より強い検出結果で説明できる。",
        "explanation.other_finding.out": "他の検出結果の被害カードを除いても、超過は残りました。",
        "explanation.other_finding.in": "他の検出結果の被害カードを除くと、"
        "超過はほとんど残りません。",
        "explanation.overdispersion": "通常のばらつき：不正利用は、もともと均等には発生しない。",
        "explanation.overdispersion.out": "他の利用先のばらつきと比べても、超過は残りました。",
        "explanation.overdispersion.in": "漏えいのない他の利用先にも、同程度のばらつきがあります。",
        "figures.observed": "実績",
        "figures.expected": "想定",
        "figures.ratio": "想定比（倍）",
        "figures.p_value": "p",
        "figures.share": "割合",
        "figures.cards": "枚数",
        "figures.own_cards": "この店で不正利用が報告され、除いたカード",
        "figures.places": "比べた他の利用先",
        "figures.median_days": "利用から不正利用までの日数（中央値）",
        "figures.name": "利用先",
        "figures.entity_id": "識別番号",
        "figures.events": "件数",
        "figures.levels": "利用頻度の区分数",
        "figures.look_back_days": "さかのぼった日数",
        "figures.relative_spread": "他の利用先の相対的なばらつき",
        "figures.stretch": "偶然の出やすさ（倍率）",
        "figures.products": "カード種類の数",
        "figures.areas": "地域の数",
        "figures.cards_in_bursts": "攻撃に含まれるカード",
        "figures.shops": "近隣の店舗数",
        "figures.cases": "不正利用カード",
        "figures.first_visit_within_a_week": "不正利用前1週間以内の初回利用",
        "figures.median_lag_days": "利用から不正利用までの日数（中央値）",
        "figures.new_visitors_misused_percent": "初回利用の直後に不正利用された割合（%）",
        "figures.finding": "検出結果",
        "figures.value": "値",
        # Next steps
        "next.heading": "次に行うこと",
        "next.accept": "検出結果ごとに2名で内容を確認し、承認または却下の理由を記録します。"
        "それまでは社外に出しません。",
        "next.inquiry": "アクワイアラー、決済代行業者、国際ブランドなど所定の経路で、"
        "期間と件数を示して書面で照会します。会員を特定する情報は示さず、加盟店に回答の機会を与えます。",
        "next.watch": "不正利用のない{unharmed}（exposed_cards.parquet）を監視対象に登録し、"
        "回答を待って差替えの要否を判断します。",
        "next.watch_pooled": "各カード会社が、この報告書の加盟店と期間から自社の対象カードを抽出し"
        "（sekisho trace の exposed_cards.parquet）、不正利用のないカードを監視対象に登録します。"
        "件数の合計では{unharmed}です。",
        "next.silence": "加盟店が公表するまで、会員や業務上知る必要のない方に加盟店名を伝えては"
        "なりません。検出結果が誤っている可能性もあります。",
        "next.again": "新しい不正利用報告が届いたとき、および回答があったときに、再度調査します。",
        "next.calm_again": "不正利用報告の追加に合わせて再度調査します。通常は週1回で十分ですが、"
        "不正利用が急増したときは当日中に実施してください。",
        "next.calm_suspects": "候補として挙げた利用先について、加盟店への照会は行わないでください。"
        "関連が強まれば、次回の調査で検出されます。",
        "next.calm_limits": "「今回の調査の限界」を解消すれば、より小規模な漏えいも検出できるように"
        "なります。",
        # How to read it
        "read.heading": "本報告の読み方",
        "read.association": "検出結果は、ある期間にある先でカードを利用したことと、"
        "その後の不正利用との"
        "統計的な関連です。加盟店に対する認定ではありません。実際に漏えいがあったかどうかは、"
        "現地での調査によってのみ判明します。",
        "read.expected": "「想定」とは、その先を利用していない同条件のカード（利用頻度、保有期間、"
        "判明する場合は種類などが同程度）に、同じ時期に発生した不正利用から求めた枚数です。",
        "read.window": "漏えい対象期間は、超過の始まりから終わりまでです。両端には不確かさがあり、"
        "推定範囲を併記しています。",
        "read.misuse": "不正利用は報告されたものだけを数えています。報告されなかったもの、"
        "これから報告されるものは含みません。",
        "read.issuer": "今回のファイルにあるカードだけを調べています。同じ先で、他のカード会社の"
        "カードも漏えいしている可能性があります。",
        "read.error": "調査全体で、誤った検出が生じる割合が{error}以下となるように基準を"
        "定めています。",
        "limits.heading": "今回の調査の限界",
        "limits.none": "任意の入力もすべてそろっており、特記すべき限界はありません。",
        "limit.no_report_dates": "不正利用報告に報告日がありません。発生当日に把握できたものと"
        "みなすため、早期検出の日数は実際より長めに出ます。",
        "limit.no_cards_file": "カードファイルがありません。開設、解約、"
        "差替えは利用状況から推定し、"
        "差替え後のカードは別のカードとして数えています。",
        "limit.no_merchants_file": "加盟店ファイルがありません。名称が不明で、同じ運営会社や"
        "決済代行業者に属する店舗を確実にはまとめられません。",
        "limit.sampled_controls": "対照カードは抽出によります。抽出結果は毎回同じですが、"
        "まれな条件の組み合わせでは対照が少なくなります。",
        "limit.history_short": "履歴の期間が短く、"
        "履歴より後に不正利用が起こる漏えいは検出できません。"
        "対象期間の端が切れている可能性もあります。",
        "limit.no_product": "カードの種類が不明です。特定の種類だけを狙った攻撃との区別が"
        "弱くなります。",
        "limit.no_home_area": "会員の居住地域が不明です。地域的な不正利用との区別が弱くなります。",
        "limit.no_fraud_types": "不正利用報告に種別がありません。紛失・盗難、苦情、"
        "乗っ取りを除外できず、"
        "関連が見えにくくなります。",
        "limit.no_message_types": "履歴に電文種別がありません。取消や返品を購入と区別できません。",
        "limit.no_acquirer": "加盟店を番号だけで識別しています。異なるアクワイアラーが同じ番号を"
        "使っている可能性があります。",
        "limit.no_entry_mode": "カードの読取方法が不明なため、漏えい項目を推定できません。",
        "limit.pooled_counts": "カード番号を含まない、複数のカード会社の件数の合計です。少数の"
        "カードの件数は除くか長い期間にまとめているため、不正利用は少なめに、期待値は多めになります。"
        "店舗のグループ、近隣の店舗、並べ替え検定は調べられません。",
        # Method
        "method.heading": "調査方法",
        "method.text": "漏えい対象期間と不正利用期間を走査する、コホート内症例対照研究によります。"
        "情報の窃取で説明できる不正利用があったカードごとに、同じ日に有効で不正利用がなく、"
        "条件の一致する"
        "カードを対照とします。利用先ごとに、対象期間と不正利用期間のすべての組み合わせについて、"
        "不正利用されたカードの枚数を想定と比べます。確率は、試したすべての組み合わせについて"
        "補正しています。",
        "method.caption": "数値の根拠",
        "method.item": "項目",
        "method.value": "値",
        "method.history": "履歴の期間",
        "method.transactions": "取引件数",
        "method.cases": "不正利用カード（症例）",
        "method.controls": "対照カード",
        "method.entities": "検定した先",
        "method.strata": "一致させた条件",
        "method.strata_none": "日付のみ",
        "method.sample": "対照の抽出率",
        "method.periods": "不正利用期間",
        "method.period_all": "全期間",
        "method.error": "調査全体の過誤率",
        "method.overdispersion": "偶然を超える利用先間のばらつき",
        "method.stretch": "偶然の出やすさ（1が理論どおり）",
        "method.permutations": "並べ替え検定の回数",
        "method.permuted": "並べ替えで得られた最も強い結果",
        "method.excluded": "除外した不正利用報告",
        "method.excluded_none": "なし",
        "method.excluded_item": "{reason}：{n}件",
        "method.bursts": "1件として数えた攻撃",
        "method.passes": "履歴の読取回数",
        "method.timezone": "時間帯",
        "method.version": "Sekishoの版",
        "stratum.product": "カード種類",
        "stratum.bin": "BIN",
        "stratum.home_area": "居住地域",
        "stratum.tenure": "開設からの期間",
        "stratum.activity": "利用頻度",
        "excluded.fraud_type": "情報の窃取では説明できない種別",
        "excluded.lost_stolen": "紛失・盗難",
        "excluded.account_takeover": "アカウントの乗っ取り",
        "excluded.dispute": "加盟店との係争",
        "excluded.own_merchant": "当該加盟店での不正利用",
        "excluded.no_transaction": "対応する取引なし",
        "excluded.unknown_card": "履歴にないカード",
        "excluded.after_as_of": "基準日より後に判明",
        "excluded.repeated": "同じ被害の2件目以降",
        "excluded.not_data_theft": "情報の窃取では説明できない種別",
        "excluded.at_own_shop": "カードがふだん使う加盟店での不正",
        "excluded.same_burst": "同じ攻撃の別のカードと合わせて計上",
        "excluded.no_card": "履歴にないカード",
        "excluded.duplicate": "重複した報告",
        "excluded.before_history": "履歴の開始より前",
        # Inputs
        "inputs.heading": "入力ファイル",
        "inputs.caption": "読み込んだファイルの一覧",
        "inputs.role": "種類",
        "inputs.name": "ファイル名",
        "inputs.rows": "行数",
        "inputs.rejected": "不採用",
        "inputs.duplicates": "重複",
        "inputs.sha256": "SHA-256",
        "role.transactions": "取引履歴",
        "role.fraud": "不正利用報告",
        "role.merchants": "加盟店",
        "role.cards": "カード",
        "role.known_leaks": "既知の漏えい",
        "role.pool": "持ち寄った件数",
    }
)
