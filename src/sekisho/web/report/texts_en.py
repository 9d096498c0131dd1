"""The report in English: one frozen table, keys as in ``texts_ja``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # The page
        "page.title": "Where the cards leaked: Sekisho trace as of {as_of}",
        "page.confidential": "CONFIDENTIAL",
        "page.confidential_note": "For the issuer’s fraud team and those it names. "
        "Do not pass on to cardholders or the public.",
        "page.kind": "Common point of purchase report",
        "page.as_of": "As of the end of {as_of}",
        "page.for": "Prepared for {who}",
        "page.footer": "Confidential. Sekisho trace as of {as_of}",
        "page.page": "Page",
        "page.contents": "Contents",
        "page.made_by": "Made by Sekisho {version}. A statistical association, never a verdict.",
        "list.separator": ", ",
        "span.table": "{start} to {end}",
        # Counts
        "count.card.one": "{n} card",
        "count.card.many": "{n} cards",
        "count.day.one": "{n} day",
        "count.day.many": "{n} days",
        "count.place.one": "{n} place",
        "count.place.many": "{n} places",
        "count.shop.one": "{n} shop",
        "count.shop.many": "{n} shops",
        # Chances
        "chance.trillion": "less than one in a trillion",
        "chance.billion": "less than one in a billion",
        "chance.million": "less than one in a million",
        "chance.thousand": "less than one in a thousand",
        "chance.hundred": "less than one in a hundred",
        "chance.about": "about one in {n}",
        # Headline
        "headline.span.closed": "between {start} and {end}",
        "headline.span.ongoing": "since {start}",
        "headline.span.censored": "up to {end} (perhaps already before {start}, "
        "where the history begins)",
        "headline.span.whole": "since {start} or earlier",
        "headline.place": "{name}",
        "headline.group": "the {shops} of {name}",
        "headline.ratio": "Cards used at {place} {span} were later misused {ratio} times "
        "as often as expected; {ask}.",
        "headline.no_ratio": "Cards used at {place} {span} were later misused far more often "
        "than expected; {ask}.",
        "headline.period_ratio": "Cards used at {place} {span} were misused {ratio} times "
        "as often as expected between {misused_from} and {misused_until}; {ask}.",
        "headline.period_no_ratio": "Cards used at {place} {span} were misused far more often "
        "than expected between {misused_from} and {misused_until}; {ask}.",
        "headline.none": "Nothing strong enough to ask a merchant about.",
        "ask.merchant": "ask the merchant through the acquirer",
        "ask.operator": "ask the operator through the acquirer",
        "ask.processor": "ask the payment processor",
        "ask.acquirer": "ask the acquirer",
        "ask.terminal": "ask the merchant that runs this terminal through the acquirer",
        # Summary
        "summary.heading": "In short",
        "summary.one": "Of {exposed} used there in that window, {defrauded} were later misused; "
        "{expected} would have been expected by chance. Without any leak, a result as strong as "
        "this would turn up in {chance} such traces.",
        "summary.one_span": "Of {exposed} used there in that window, {defrauded} were misused "
        "between {start} and {end}; {expected} would have been expected by chance. Without any "
        "leak, a result as strong as this would turn up in {chance} such traces.",
        "summary.more.one": "One more place stands out: {names}.",
        "summary.more.many": "{n} more places stand out: {names}.",
        "summary.members": "The shops are {names}.",
        "summary.names_cut": "{names} and {n} more",
        "summary.protect": "{unharmed} used at such a place in its window have not been misused "
        "so far. They can still be protected.",
        "summary.verdict": "This is a statistical association, not a verdict: it says where to "
        "ask, not who is at fault.",
        "summary.calm": "In {transactions} transactions and {cases} misused cards up to {as_of}, "
        "no place stands out so clearly that a merchant should be asked about it. This is the "
        "normal outcome of a trace. It does not prove that nothing leaked.",
        "summary.calm_suspects": "{places} are worth keeping an eye on. They are listed below, "
        "each with the reason why it is not a finding.",
        "summary.calm_suspects_one": "{places} is worth keeping an eye on. It is listed below, "
        "with the reason why it is not a finding.",
        "figure.findings": "findings",
        "figure.findings_one": "finding",
        "figure.exposed": "exposed cards",
        "figure.defrauded": "of them misused so far",
        "figure.unharmed": "not misused so far",
        "figure.lead": "days since it could first be seen",
        "figure.cases": "misused cards examined",
        "figure.controls": "comparison cards",
        "figure.entities": "places tested",
        # What would have been visible
        "visible.heading": "What would have been visible",
        "visible.intro": "With this history and these fraud reports, a leak would have been "
        "reported when the misuse among the exposed cards reached about these numbers. They hold "
        "for misuse spread over the whole history; misuse concentrated in a few weeks shows "
        "earlier, because less is expected by chance.",
        "visible.size": "Cards exposed at the place",
        "visible.expected": "Misused by chance",
        "visible.needed": "Misused cards needed",
        "visible.share": "Share of the exposed",
        "visible.caption": "How much misuse makes a place a finding",
        "visible.nothing": "There is too little reported fraud in this history for a leak of any "
        "size to stand out. More history, or more fraud reports, are needed.",
        # Ranking
        "ranking.heading": "The findings in order of strength",
        "ranking.caption": "All findings with their windows",
        "ranking.chart": "Exposure windows of the findings on a time line from {start} to {end}; "
        "every date is in the table that follows.",
        "proposed.heading": "These shops may be one leak",
        "proposed.intro": "No file says that they belong together. The agreement below would be "
        "rare between leaks that have nothing to do with each other. It is proposed, not asserted.",
        "proposed.misuse": "Their stolen cards came into use on the same days.",
        "proposed.window": "They leaked on the same days.",
        "proposed.chance": "The chance that two unrelated leaks agree as well: {chance}.",
        "proposed.next": "Ask their acquirers whether these shops have an operator, a payment page "
        "or another service in common. If so, name it in the file of merchants and trace again.",
        "ranking.rank": "No.",
        "ranking.place": "Place",
        "ranking.level": "Level",
        "ranking.window": "Exposure window",
        "ranking.exposed": "Exposed",
        "ranking.defrauded": "Misused",
        "ranking.expected": "Expected",
        "ranking.ratio": "Times expected",
        "ranking.chance": "Probability by chance",
        "ranking.first_misuse": "First misuse",
        "ranking.found_on": "First visible",
        "legend.window": "exposure window",
        "legend.interval": "uncertainty of its ends",
        "legend.first_misuse": "first misuse",
        "legend.found_on": "first visible in a trace",
        "legend.observed": "observed",
        "legend.expected": "expected by chance",
        "legend.period": "period in which the misuse stands out",
        # One finding
        "finding.heading": "{n}. {place}",
        "finding.sentence": "{defrauded} of {exposed} were misused; {expected} were expected.",
        "finding.window": "Exposure window",
        "finding.start_interval": "Its beginning lies between",
        "finding.end_interval": "Its end lies between",
        "finding.interval": "{lower} and {upper} ({confidence} confidence)",
        "finding.exposed": "Cards exposed",
        "finding.defrauded": "Cards misused",
        "finding.expected": "Expected by chance",
        "finding.ratio": "Times as often as expected",
        "finding.period": "Misuse counted",
        "finding.period_all": "all of it, up to {as_of}",
        "finding.period_days": "{start} to {end}",
        "finding.rate": "Misuse reported so far",
        "finding.rate_value": "{rate} of the exposed cards",
        "finding.rate_corrected": "Some fraud is reported late. Going by how late reports have "
        "come so far, the misuse up to {as_of} will come to about {cards}, {rate} of the exposed "
        "({lower} to {upper}, {confidence} confidence). Fraud that is never reported is not in it.",
        "finding.p_value": "Probability by chance",
        "finding.p_value_text": "{chance} (p = {p}, corrected for everything that was tried)",
        "finding.p_value_floor": "{chance} (p {p}, corrected for everything that was tried)",
        "finding.llr": "Log-likelihood ratio",
        "finding.data": "Data taken, as far as the misuse shows",
        "finding.data_unknown": "the misuse does not show it",
        "finding.terminals": "Terminals in which the excess sits",
        "terminals.one": "{id}: {defrauded} of {cards} misused, {expected} expected",
        "terminals.elsewhere": "Of {cards} used at the shop’s other terminals only, {defrauded} "
        "were misused ({expected} expected). Chance of so few if the whole shop had leaked: {p}.",
        "finding.theft": "How the data was taken",
        "theft.form_skimming": "form skimming: data was read while it was entered",
        "theft.database_theft": "database theft: stored data was taken",
        "theft.cannot_be_told": "cannot be told: form skimming or database theft",
        "theft.counts": "Of {entered} whose data was entered there, {entered_bad} were misused "
        "({entered_expected} expected); of {charged} that the shop only charged on stored data, "
        "{charged_bad} ({charged_expected} expected). Chance of that: {p_form} if only entered "
        "data was read, {p_database} if stored data was taken.",
        "theft.none_charged": "No card was only charged on stored data in the window.",
        "finding.first_misuse": "First misuse",
        "finding.unknown": "unknown",
        "finding.id": "Id",
        "finding.level": "Level",
        "finding.facts": "The figures",
        "finding.flag.censored": "The window is cut off by the beginning of the history on "
        "{start}. The exposure may have begun earlier; older history would tell.",
        "finding.flag.ongoing": "The window may still be open: cards used there today may be "
        "exposed too. Ask at once.",
        "finding.alternatives": "Cannot be told apart",
        "finding.alternatives_text": "The same cards were used at the following places, so the "
        "data alone cannot say which of them is the source. Ask about them together:",
        "finding.members": "Shops within this finding",
        "finding.members_caption": "Every shop with its own window",
        "finding.lead": "Lead time",
        "finding.lead_text": "A trace as of {found_on} would have shown this finding, {days} "
        "before this one. {saved} were misused after that day.",
        "finding.lead_today": "This is the first trace that shows this finding.",
        "finding.lead_optimistic": "The fraud file has no report dates, so this assumes that each "
        "fraud was known on its own day. The true lead is shorter.",
        "finding.tested": "Innocent explanations that were tested",
        "finding.tested_none": "No explanation was tested for this place.",
        "tested.explanation": "Explanation",
        "tested.outcome": "Outcome",
        "tested.excluded": "Does not explain it",
        "tested.not_excluded": "May explain it",
        # Charts
        "chart.visits": "When the misused cards had been used there",
        "chart.visits_note": "Misused cards by their first use at this place, {unit}. Bars above "
        "the line are more than chance would give.",
        "chart.visits_alt": "Bar chart: misused cards by first use at {name}, observed against "
        "expected, {unit}, with the exposure window from {start} to {end} shaded. In all "
        "{observed} observed and {expected} expected. Every number is in the table that follows.",
        "chart.misuse": "When the cards were misused",
        "chart.misuse_note": "Victims by the day of the fraud, {unit}. The last bars still grow: "
        "some fraud is reported late.",
        "chart.misuse_alt": "Bar chart: victims of {name} by day of fraud, observed against "
        "expected, {unit}. In all {observed} observed and {expected} expected. Every number is in "
        "the table that follows.",
        "chart.table": "Numbers of the chart: {title}",
        "chart.caption": "The numbers, {unit}",
        "chart.from": "From",
        "chart.observed": "Observed",
        "chart.expected": "Expected",
        "chart.exposed": "Cards first used there",
        "chart.total": "Total",
        "unit.day": "by day",
        "unit.week": "by week",
        "unit.month": "by month",
        "unit.quarter": "by quarter",
        "unit.year": "by year",
        "unit.step": "in equal spans of days",
        # Funnel
        "funnel.heading": "From all cards to those to protect",
        "funnel.intro": "Cards are counted once, even if they were exposed at several places.",
        "funnel.intro_pooled": "Added up over issuers and places. A card that was exposed at "
        "several places counts at each of them, because counts cannot tell.",
        "funnel.alt": "Of {seen} in the history, {exposed} were used at a finding inside its "
        "window; {defrauded} of these were misused, {unharmed} were not.",
        "funnel.seen": "Cards in the history",
        "funnel.exposed": "Exposed: used at a finding inside its window",
        "funnel.defrauded": "Misused so far",
        "funnel.unharmed": "Not misused so far: to protect",
        "funnel.cards": "Cards",
        "funnel.share": "Share",
        "funnel.of_seen": "{share} of all cards",
        "funnel.of_exposed": "{share} of the exposed",
        "funnel.step": "Step",
        # Known leaks
        "known.heading": "Known leaks that were taken out first",
        "known.intro": "These leaks were known before the trace. The misused cards that they "
        "account for speak for no other place, so that what is behind them can be seen.",
        "known.caption": "Known leaks, and what became of each",
        "known.place": "Known leak",
        "known.window": "Exposure window",
        "known.exposed": "Exposed",
        "known.defrauded": "Misused since",
        "known.expected": "Expected without it",
        "known.taken_out": "Taken out",
        "known.state": "Outcome",
        "known.state.taken_out": "Taken out",
        "known.state.no_excess": "Not taken out: its cards were misused no more often than others",
        "known.state.no_visits": "Not taken out: the history has no purchase there in the window",
        "known.state.unknown": "Not taken out: the history does not know it",
        "known.state.ambiguous": "Not taken out: several acquirers have a merchant of this number",
        # Suspects
        "suspects.heading": "Looked at and not a finding",
        "suspects.intro": "These places showed more misuse than expected, but do not ask a "
        "merchant about them on the strength of this trace.",
        "suspects.caption": "Suspects, each with the reason why it is not a finding",
        "suspects.why": "Why it is not a finding",
        "suspects.none": "No other place came near.",
        "suspects.cut": "{n} weaker ones are in findings.json.",
        "suspect.weak": "Too weak",
        "suspect.weak.why": "With so many places tested, chance alone gives results like this. "
        "It may grow into a finding, or fade.",
        "suspect.use_or_test": "Stolen cards are used or tested here",
        "suspect.use_or_test.why": "The cards came here shortly before their fraud, already "
        "stolen. The place is where the misuse happens, not where the data was taken.",
        "suspect.explained": "Explained by something else",
        "suspect.explained.why": "Nothing is left once the stronger finding, or the neighbourhood "
        "that the cards share with it, is taken into account.",
        # Levels
        "level.merchant": "merchant",
        "level.operator": "operator",
        "level.processor": "payment processor",
        "level.acquirer": "acquirer",
        "level.terminal": "terminal",
        # Data taken
        "data.at_least": "at least {data}",
        "data.evidence": "{data}: the misuse of {shown} of {known} misused cards needed it "
        "({others_shown} of {others_known} other misused cards of those days)",
        "data.pan": "card number",
        "data.expiry": "expiry date",
        "data.security_code": "security code",
        "data.holder_name": "cardholder name",
        "data.track": "magnetic stripe",
        "data.pin": "PIN",
        "data.address": "address",
        "data.credentials": "3-D Secure password",
        # Explanations
        "explanation.busy_cards": "Busy cards: cards that are used a lot are used everywhere, and "
        "are stolen more often.",
        "explanation.busy_cards.out": "Among the less busy half of the exposed cards, the "
        "excess remains.",
        "explanation.busy_cards.in": "Among the less busy half of the exposed cards, little "
        "or nothing is left.",
        "explanation.product": "Card product: one product is attacked more, and its holders shop "
        "here.",
        "explanation.product.out": "Without the product that was hit most, the excess remains.",
        "explanation.product.in": "Without the product that was hit most, little or nothing "
        "is left.",
        "explanation.home_area": "Home area: fraud is higher where these customers live.",
        "explanation.home_area.out": "Without the area that was hit most, the excess remains.",
        "explanation.home_area.in": "Without the area that was hit most, little or nothing "
        "is left.",
        "explanation.neighbours": "Neighbours: the cards were really exposed at a shop that the "
        "same customers use.",
        "explanation.neighbours.out": "Cards that use only the neighbours show no such excess.",
        "explanation.neighbours.in": "Cards that use only the neighbours show the excess too.",
        "explanation.use_or_test": "Use or test: stolen cards are spent or tried here.",
        "explanation.use_or_test.out": "The visits were ordinary purchases long before the fraud.",
        "explanation.use_or_test.in": "The visits came shortly before the fraud, late in many "
        "cards’ lives at once.",
        "explanation.burst": "One attack: neighbouring card numbers hit by a single event, such "
        "as an attack on a number range.",
        "explanation.burst.out": "Counting each such attack as one event, the excess remains.",
        "explanation.burst.in": "Counted as one event, the attack leaves little or nothing.",
        "explanation.own_fraud": "Own disputes: the frauds reported are the shop’s own charges, "
        "such as a subscription that customers dispute.",
        "explanation.own_fraud.out": "Without fraud at the shop itself, the excess remains.",
        "explanation.own_fraud.in": "Without fraud at the shop itself, little or nothing is left.",
        "explanation.other_finding": "Another finding: the same victims are explained by a "
        "stronger one.",
        "explanation.other_finding.out": "Without the victims of the other findings, the excess "
        "remains.",
        "explanation.other_finding.in": "Without the victims of the other findings, little or "
        "nothing is left.",
        "explanation.overdispersion": "Ordinary unevenness: fraud is never spread as evenly as "
        "dice.",
        "explanation.overdispersion.out": "Measured against the unevenness of the other places, "
        "the excess remains.",
        "explanation.overdispersion.in": "Other places vary as much without any leak.",
        "figures.observed": "observed",
        "figures.expected": "expected",
        "figures.ratio": "times expected",
        "figures.p_value": "p",
        "figures.share": "share",
        "figures.cards": "cards",
        "figures.own_cards": "cards with fraud at the place itself, left out",
        "figures.places": "other places measured",
        "figures.median_days": "median days from visit to fraud",
        "figures.name": "place",
        "figures.entity_id": "id",
        "figures.events": "events",
        "figures.levels": "levels of activity",
        "figures.look_back_days": "days looked back",
        "figures.relative_spread": "relative spread of other places",
        "figures.stretch": "stretch of chance",
        "figures.products": "products",
        "figures.areas": "areas",
        "figures.cards_in_bursts": "cards in such attacks",
        "figures.shops": "neighbouring shops",
        "figures.cases": "misused cards",
        "figures.first_visit_within_a_week": "first visits in the week before the fraud",
        "figures.median_lag_days": "median days from visit to fraud",
        "figures.new_visitors_misused_percent": "per cent of new visitors misused at once",
        "figures.finding": "finding",
        "figures.value": "value",
        # Next steps
        "next.heading": "What to do next",
        "next.accept": "Two people look at each finding and accept it, or say why not. Nothing "
        "leaves the house before that.",
        "next.inquiry": "Ask in writing, the way that exists: through the acquirer, the payment "
        "processor or the card scheme. Name the window and the numbers, not the cardholders, and "
        "give the merchant a right to answer.",
        "next.watch": "Put the {unharmed} not misused so far on the watch list "
        "(exposed_cards.parquet) until the answer is in; decide then which to reissue.",
        "next.watch_pooled": "Each issuer lists its own cards from the places and windows of this "
        "report (sekisho trace writes exposed_cards.parquet) and puts those not misused so far on "
        "its watch list: {unharmed} in all, by these counts.",
        "next.silence": "Do not name the merchant to cardholders, or to anybody who need not "
        "know, before the merchant has published. A finding can be wrong.",
        "next.again": "Run the trace again when new fraud reports arrive, and whenever an answer "
        "comes in.",
        "next.calm_again": "Run the trace again as new fraud reports arrive: weekly is enough, "
        "after a wave of fraud do it the same day.",
        "next.calm_suspects": "Do not ask merchants about the suspects listed here. If one of "
        "them grows, the next trace says so.",
        "next.calm_limits": "See to the limits below: each one that is removed makes smaller "
        "leaks visible.",
        # How to read it
        "read.heading": "How to read this report",
        "read.association": "A finding is a statistical association between using a card at a "
        "place in a window and later fraud. It is never a verdict on a merchant. Whether data "
        "leaked, only an examination on the spot can tell.",
        "read.expected": "“Expected” is the fraud that comparable cards suffered in the same days "
        "without having been there: as busy, as old, of the same kind where this is known.",
        "read.window": "The window is where the excess begins and ends. Its ends are uncertain "
        "and are given with their intervals.",
        "read.misuse": "Misuse counts reported fraud only. Fraud that nobody reported, and fraud "
        "still to be reported, is missing.",
        "read.issuer": "Only the cards in these files are seen. The same place may have exposed "
        "cards of other issuers.",
        "read.error": "The rules are set so that, over the whole trace, a false finding comes in "
        "{error} of runs at most.",
        "limits.heading": "Limits of this run",
        "limits.none": "No further limits apply: every optional input was there.",
        "limit.no_report_dates": "The fraud file has no report dates. Each fraud counts as known "
        "on its own day, so lead times are optimistic.",
        "limit.no_cards_file": "There was no file of cards. Opening, closing and replacement are "
        "guessed from use; a reissued card counts as a new one.",
        "limit.no_merchants_file": "There was no file of merchants. Names are missing and shops of "
        "one operator or payment processor could not be joined for certain.",
        "limit.sampled_controls": "Comparison cards were sampled. The sample is the same in every "
        "run; very rare combinations may be thinly covered.",
        "limit.history_short": "The history is short. Leaks whose misuse came later than the "
        "history reaches cannot be seen, and windows may be cut off.",
        "limit.no_product": "The card product is unknown. An attack on a single product could not "
        "be told apart as well.",
        "limit.no_home_area": "The home area of the cards is unknown. Regional fraud could not be "
        "told apart as well.",
        "limit.no_fraud_types": "The fraud reports have no types. Lost cards, disputes and "
        "take-overs could not be left out and blur the picture.",
        "limit.no_message_types": "The history has no message types. Reversals and refunds could "
        "not be told from purchases.",
        "limit.no_acquirer": "Merchants are known by their number alone. Two acquirers may use "
        "the same number.",
        "limit.no_entry_mode": "How the card was read is unknown, so the data taken could not be "
        "worked out.",
        "limit.pooled_counts": "These are counts of several issuers without any card. Numbers of "
        "few cards are left out or stand in longer spans, so misuse is counted too low and "
        "expectations are too high. Groups of shops, neighbouring shops and permutations could "
        "not be examined.",
        # Method
        "method.heading": "Method",
        "method.text": "A nested case-control study with a scan over exposure windows and misuse "
        "periods. Each card with fraud that stolen data explains is compared with cards that were "
        "open and not misused on the same day and match it. For each place, the exposed cards "
        "that were misused are counted against the number expected, over every window and misuse "
        "period. Probabilities are corrected for all that was tried.",
        "method.caption": "How the numbers came about",
        "method.item": "Item",
        "method.value": "Value",
        "method.history": "History",
        "method.transactions": "Transactions",
        "method.cases": "Misused cards (cases)",
        "method.controls": "Comparison cards (controls)",
        "method.entities": "Places tested",
        "method.strata": "Matched on",
        "method.strata_none": "nothing but the day",
        "method.sample": "Share of cards sampled as controls",
        "method.periods": "Misuse periods",
        "method.period_all": "all time",
        "method.error": "Family-wise error for the run",
        "method.overdispersion": "Spread of places beyond chance",
        "method.stretch": "Stretch of chance (1: as by the book)",
        "method.permutations": "Permutations",
        "method.permuted": "Strongest result among permuted labels",
        "method.excluded": "Fraud reports left out",
        "method.excluded_none": "none",
        "method.excluded_item": "{reason}: {n}",
        "method.bursts": "Attacks counted as one event",
        "method.passes": "Passes over the history",
        "method.timezone": "Time zone",
        "method.version": "Sekisho version",
        "stratum.product": "product",
        "stratum.bin": "BIN",
        "stratum.home_area": "home area",
        "stratum.tenure": "time since opening",
        "stratum.activity": "activity",
        "excluded.fraud_type": "of a kind that stolen data does not explain",
        "excluded.lost_stolen": "lost or stolen card",
        "excluded.account_takeover": "account take-over",
        "excluded.dispute": "dispute with the shop",
        "excluded.own_merchant": "at the shop itself",
        "excluded.no_transaction": "without its transaction",
        "excluded.unknown_card": "card not in the history",
        "excluded.after_as_of": "known only after the as-of date",
        "excluded.repeated": "later fraud of the same episode",
        "excluded.not_data_theft": "of a kind that stolen data does not explain",
        "excluded.at_own_shop": "at shops where the card shops anyway",
        "excluded.same_burst": "counted with another card of the same attack",
        "excluded.no_card": "card not in the history",
        "excluded.duplicate": "reported twice",
        "excluded.before_history": "before the history begins",
        # Inputs
        "inputs.heading": "Inputs",
        "inputs.caption": "Every file that was read",
        "inputs.role": "Role",
        "inputs.name": "File",
        "inputs.rows": "Rows",
        "inputs.rejected": "Rejected",
        "inputs.duplicates": "Duplicates",
        "inputs.sha256": "SHA-256",
        "role.transactions": "transactions",
        "role.fraud": "fraud reports",
        "role.merchants": "merchants",
        "role.cards": "cards",
        "role.known_leaks": "known leaks",
        "role.pool": "pooled counts",
    }
)
