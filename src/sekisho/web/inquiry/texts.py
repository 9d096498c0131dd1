"""The letter and the form in both languages: each key once, English and Japanese side by side."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sekisho.web.inquiry.form_texts import FORM

_LETTER: Final[Mapping[str, tuple[str, str]]] = {
    "confidential": ("CONFIDENTIAL", "社外秘"),
    "confidential_note": (
        ("For the recipient and those who must know in order to answer. Not for cardholders or "
        "the public."),
        "宛先および回答に必要な方に限ります。会員や一般への開示は禁止します。",
    ),
    "draft": ("DRAFT", "下書き"),
    "draft_note": (
        "Not released: two different people have to accept the finding first. Do not send.",
        "未承認です。異なる2名の承認が済むまで送付しないでください。",
    ),
    "title": ("Inquiry about {place}", "カード情報漏えいの有無に関するご照会（{place}）"),
    "kind": ("Inquiry and evidence", "照会書"),
    "h1": (
        "Was card data taken at {place}? We ask for your help to find out",
        "{place}におけるカード情報漏えいの有無について（ご照会）",
    ),
    "place": ("{name}", "「{name}」"),
    "meta.to": ("To", "宛先"),
    "meta.from": ("From", "照会元"),
    "meta.contact": ("Answer to", "回答先"),
    "meta.date": ("Date", "作成日"),
    "meta.reference": ("Our reference", "照会元管理番号"),
    "meta.inquiry": ("Inquiry number", "照会番号"),
    "meta.reply_by": ("Answer proposed by", "回答希望日"),
    "meta.legal_basis": ("Legal basis stated by the sender", "照会元が示す法的根拠"),
    "meta.addressee": ("{name}", "{name} 御中"),
    "meta.none": ("none", "なし"),
    "not_stated": ("not stated", "記載なし"),
    "recipient.acquirer": ("The acquirer", "アクワイアラー（加盟店契約会社）"),
    "recipient.processor": ("The payment processor", "決済代行業者"),
    "recipient.scheme": ("The card scheme", "国際ブランド"),
    "intro": (
        ("Cards that we issued and that were used at {place} were misused later more often than "
        "chance explains. Card data may have been taken there. There may also be another cause "
        "that we cannot see from our side. We have decided nothing; we ask."),
        ("平素よりお世話になっております。当社が発行したカードのうち{place}で利用されたものについて、"
        "その後の不正利用が、偶然では説明できない頻度で発生しています。同所でカード情報が窃取された"
        "可能性がありますが、当社からは見えない別の原因によることも考えられます。当社は結論を"
        "出しておりません。事実関係の確認にご協力くださいますよう、お願い申し上げます。"),
    ),
    "intro.acquirer": (
        "You are, as far as we know, the acquirer of the shops below.",
        "貴社は下記店舗のアクワイアラーであると承知しております。",
    ),
    "intro.processor": (
        "You process, as far as we know, payments of the shops below.",
        "貴社は下記店舗の決済処理を受託されていると承知しております。",
    ),
    "intro.scheme": (
        "Through you we can reach those who serve the shops below.",
        "下記店舗を担当する事業者へは、貴社を通じてご連絡したく存じます。",
    ),
    "asks.heading": ("What we ask", "お願いしたいこと"),
    "ask.tell_merchant": (
        ("Tell the merchant, in confidence, that it is being asked, and that it has the right to "
        "answer in its own words."),
        "照会を受けている旨と、自らの言葉で回答できる旨を、秘密を保ったうえで加盟店へお伝えください。",
    ),
    "ask.own_systems": (
        ("Look at your own payment pages, scripts, stored card data and access logs for "
        "the window, "
        "and say what the shops below have in common there."),
        ("貴社の決済画面、スクリプト、保存カード情報、アクセスログを対象期間についてご確認のうえ、"
        "下記店舗に共通するものをお知らせください。"),
    ),
    "ask.pass_on": (
        "Pass this inquiry on to the acquirer or processor concerned, in confidence.",
        "担当のアクワイアラーまたは決済代行業者へ、秘密を保ったうえで本照会をお取り次ぎください。",
    ),
    "ask.known_event": (
        ("Say whether an intrusion, a leak or a tampered payment page is already known for the "
        "window."),
        "対象期間について、不正アクセス、漏えい、決済画面の改ざんが既に判明しているかをお知らせください。",
    ),
    "ask.open_event": (
        ("Say whether an event is already open for this place, and whether other issuers see the "
        "same."),
        "同所について既に事案が登録されているか、他のカード会社からも同様の連絡があるかをお知らせください。",
    ),
    "ask.look_at_transactions": (
        ("Look at the {n} transactions in transactions.csv: which payment page, "
        "terminal, system or "
        "service did they pass through?"),
        ("transactions.csvの取引{n}件について、経由した決済画面、端末、システム、外部サービスを"
        "ご確認ください。"),
    ),
    "ask.keep_traces": (
        ("Have logs, versions of the payment pages and system images of the window kept, and "
        "consider a forensic investigation."),
        ("対象期間のログ、決済画面の各版、システムイメージの保全と、フォレンジック調査の要否の検討を"
        "お願いいたします。"),
    ),
    "ask.say_what_was_at_risk": (
        ("If card data was or is at risk, say from when to when, which data, and what has been "
        "stopped, so that we can protect cardholders."),
        ("カード情報が危険にさらされた（または現にさらされている）場合は、期間、対象項目、実施済みの"
        "停止措置をお知らせください。会員の保護に用います。"),
    ),
    "ask.answer": (
        "Answer with the enclosed form, also if nothing was found.",
        "同封の回答書でご回答ください。異常が見つからなかった場合も、その旨をお知らせください。",
    ),
    "ongoing": (
        ("The window may still be open. Please say first whether cards that are used there today "
        "are at risk."),
        ("対象期間は現在も続いている可能性があります。本日利用されるカードに危険があるかどうかを、"
        "まずお知らせください。"),
    ),
    "by_when.heading": ("By when", "回答の時期"),
    "by_when.date": (
        ("We propose an answer by {date}. This is our proposal and not a legal or contractual "
        "deadline. A short first word that the inquiry was received helps already."),
        ("{date}までにご回答いただければ幸いです。これは当社の希望であり、法令上または契約上の期限では"
        "ありません。まずは受領のご連絡だけでも助かります。"),
    ),
    "by_when.none": (
        "We propose no date. A short first word that the inquiry was received helps already.",
        "回答希望日は定めておりません。まずは受領のご連絡だけでも助かります。",
    ),
    "seen.heading": ("What we saw", "当社で確認した事実"),
    "seen.sentence": (
        ("Of {exposed} used at {place} in the window, {defrauded} were misused; comparable cards "
        "let expect {expected}."),
        ("対象期間に{place}で利用されたカード{exposed}のうち、{defrauded}が不正利用されました。"
        "同様のカードから見込まれる枚数は{expected}枚です。"),
    ),
    "seen.window": ("Exposure window (estimate)", "漏えい対象期間（推定）"),
    "seen.start": ("Its beginning lies between", "開始日の推定範囲"),
    "seen.end": ("Its end lies between", "終了日の推定範囲"),
    "seen.interval": ("{lower} and {upper} ({confidence} confidence)",
                      "{lower}〜{upper}（信頼度{confidence}）"),
    "seen.misuse": ("Misuse counted", "集計した不正利用"),
    "seen.misuse_all": ("all of it, up to {as_of}", "{as_of}までの全期間"),
    "seen.misuse_span": ("{start} to {end}", "{start}から{end}まで"),
    "seen.first": ("First misuse", "最初の不正利用"),
    "seen.unknown": ("unknown", "不明"),
    "seen.data": ("Data that the misuse points to", "不正利用から推定される漏えい項目"),
    "seen.data_unknown": ("the misuse does not show it", "不正利用の状況からは判断できません"),
    "seen.terminals": ("Terminals in which the excess sits", "超過が集中している端末"),
    "seen.theft": ("How the data may have been taken", "情報の盗まれ方（推定）"),
    "seen.theft.form_skimming": (
        "read while it was entered",
        "入力時の読み取り",
    ),
    "seen.theft.database_theft": (
        "from where it was stored: cards that were only charged on stored data were misused too",
        "保存先からの持ち出し（保存された情報での請求だけのカードも不正利用されています）",
    ),
    "seen.p": ("Probability by chance", "偶然に起こる確率"),
    "seen.p_text": ("{chance} (p {p}, corrected for everything that was tried)",
                    "{chance}（p {p}、すべての検定について補正済み）"),
    "seen.id": ("Id in our files", "当社データ上の識別番号"),
    "seen.censored": (
        "Our history begins on {start}: the exposure may have begun earlier.",
        "当社の履歴は{start}からです。実際にはそれ以前に始まっていた可能性があります。",
    ),
    "members.caption": ("The shops, each with its own window", "対象店舗と店舗ごとの対象期間"),
    "members.shop": ("Shop", "店舗"),
    "members.window": ("Window", "対象期間"),
    "members.exposed": ("Exposed", "対象カード"),
    "members.defrauded": ("Misused", "不正利用"),
    "members.expected": ("Expected", "想定"),
    "members.cut": ("{n} more shops are in evidence.json.",
                    "ほか{n}店舗はevidence.jsonに記載しています。"),
    "members.left_out": (
        ("{n} more shops of this finding belong to other acquirers and are not named here; the "
        "figures above include them."),
        ("このほか他のアクワイアラーの{n}店舗が含まれますが、ここには記載していません。上記の数値は"
        "それらを含みます。"),
    ),
    "meaning.heading": ("What this is, and what it is not", "本照会の位置づけ"),
    "meaning.text": (
        ("This is a statistical association between use at a place and later misuse. It is not an "
        "accusation, proves no leak, and says nothing about fault. Only an investigation can."),
        ("本照会は、利用先とその後の不正利用との統計的な関連に基づくものです。告発ではなく、漏えいの"
        "事実を証明するものでも、責任の所在を示すものでもありません。それらは調査によってのみ明らかになります。"),
    ),
    "meaning.excluded": ("Other explanations that we tested and that do not explain it: {list}.",
                         "検証の結果、説明にならなかった他の要因：{list}。"),
    "meaning.open": ("Explanations that may still apply: {list}.",
                     "なお否定できない要因：{list}。"),
    "meaning.alternatives": (
        ("Our data cannot tell this place from others that the same cards used ({places}). They "
        "are not named here, because they have not been heard either."),
        ("同じカードが利用し、当社のデータでは区別できない利用先がほかに{places}あります。先方の言い分も"
        "伺っていないため、ここには記載しません。"),
    ),
    "tested.busy_cards": ("busy cards", "利用頻度の高いカードの偏り"),
    "tested.product": ("the card product", "カード種類の偏り"),
    "tested.home_area": ("the home area", "居住地域の偏り"),
    "tested.neighbours": ("shops that the same customers use", "同じ顧客が利用する他店舗"),
    "tested.use_or_test": ("stolen cards being used or tested there",
                           "盗まれたカードの使用・有効性確認"),
    "tested.burst": ("an attack on many cards at once", "多数のカードへの一斉攻撃"),
    "tested.own_fraud": ("disputed purchases at the place itself", "同所自体での不正利用報告"),
    "tested.other_finding": ("another, stronger finding", "より強い別の検出結果"),
    "tested.overdispersion": ("fraud varying more than by chance", "偶然を超えるばらつき"),
    "right.heading": ("The right to answer", "回答する権利"),
    "right.text": (
        ("The merchant, and everyone named here, may answer, correct a figure and add an "
        "explanation. We keep the answer with the finding, in its own words, and show it wherever "
        "the finding is shown. If the place is cleared, that is recorded and shown as well."),
        ("加盟店をはじめ本書に記載された方は、回答、数値の訂正、説明の追加を行うことができます。当社は"
        "回答を原文のまま検出結果とともに保管し、検出結果を示すときには必ず併せて示します。疑いが"
        "晴れた場合は、その旨も記録して示します。"),
    ),
    "dont.heading": ("What we ask you not to do", "お控えいただきたいこと"),
    "dont.1": (
        ("Do not publish the name of the place or this inquiry, and pass it on only to those who "
        "must know in order to answer."),
        "利用先の名称や本照会を公表しないでください。共有は回答に必要な方に限ってください。",
    ),
    "dont.2": (
        "Do not tell cardholders that this place leaked: nothing is established.",
        "会員に対し、同所から漏えいしたと説明しないでください。事実は確認されていません。",
    ),
    "dont.3": (
        ("Do not end a contract, hold back payment or list the merchant as terminated on the "
        "strength of this letter alone."),
        "本書だけを根拠に、契約の解除、支払いの留保、解約加盟店としての登録を行わないでください。",
    ),
    "dont.4": (
        "Do not send card numbers, security codes or names of cardholders with your answer.",
        "回答にカード番号、セキュリティコード、会員氏名を記載しないでください。",
    ),
    "dont.5": (
        "Do not delete or overwrite logs and files of the window.",
        "対象期間のログやファイルを削除、上書きしないでください。",
    ),
    "method.heading": ("How the figures came about", "算出方法"),
    "method.text": (
        ("{cases} with a reported fraud that data theft explains were compared with "
        "{controls} that "
        "were open and not yet misused on the same day and alike in {strata}. For every place, "
        "window and period of misuse, the misused cards were counted against what comparable cards "
        "let expect. The probability is corrected for all {entities} places and everything else "
        "that was tried; a run without any leak names a place with a probability of at most {fwe}. "
        "Only what was known at the end of {as_of} was used (purchases from {start})."),
        ("情報の窃取で説明できる不正利用が報告されたカード{cases}を、同じ日に有効かつ未被害で、"
        "{strata}が同様のカード{controls}と比較しました。すべての利用先、対象期間、不正利用の時期の"
        "組み合わせについて、不正利用されたカードの枚数を、同様のカードから見込まれる枚数と比べています。"
        "確率は、調べた{entities}件の利用先を含むすべての検定について補正済みです。漏えいが一切ない"
        "場合に誤って利用先を挙げる確率は、1回の調査につき{fwe}以下です。{as_of}の終わりまでに"
        "判明していた情報だけを用いました（履歴は{start}から）。"),
    ),
    "pack.heading": ("Enclosed", "同封資料"),
    "pack.evidence": ("evidence.json: the figures for programs, with the hashes of all files",
                      "evidence.json：数値データ（全ファイルのハッシュ値を含む）"),
    "pack.transactions": (
        ("transactions.csv: {n} of {found} transactions, of each card misused later its first at "
        "the shop in the window, by the acquirer’s or issuer’s own references"),
        ("transactions.csv：後に不正利用されたカードの、対象期間内の初回取引{found}件のうち{n}件"
        "（アクワイアラーまたはカード会社の参照番号によるもの）"),
    ),
    "pack.no_references": (
        "The history has no transaction references; time, terminal and amount identify them.",
        "履歴に取引番号がないため、日時、端末、金額で特定してください。",
    ),
    "pack.card_refs": (
        "At the sender’s wish it holds card references, which are not card numbers.",
        "照会元の指定により、カード参照値（カード番号ではありません）を含みます。",
    ),
    "pack.no_transactions": ("No sample of transactions is enclosed.",
                             "取引の抽出一覧は同封していません。"),
    "pack.form": (
        ("answer-form.html to fill in and print; answer-form.csv or answer-form.json to "
        "fill in and "
        "send back as a file"),
        "answer-form.html（画面で記入し印刷）、answer-form.csvまたはanswer-form.json（ファイルで返送）",
    ),
    "pack.card_numbers": ("Nothing in this pack is a card number.",
                          "本資料にカード番号は含まれていません。"),
    "footer": (("Inquiry {inquiry_id}. Made by Sekisho {version}. "
               "A statistical association, never a verdict."),
               ("照会番号 {inquiry_id}　Sekisho {version} により作成。統計的な関連を示すもので、"
               "漏えいの事実を認定するものではありません。")),
    "page": ("Page", "ページ"),
}  # fmt: skip

_BOTH: Final = {**_LETTER, **FORM}

TEXTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({
    language: MappingProxyType({key: texts[at] for key, texts in _BOTH.items()})
    for at, language in enumerate(("en", "ja"))
})  # fmt: skip
