-- What: every visit of the drawn cards.
-- Grain: one row for each visit.
-- Inputs: visits, drawn_cards.
SELECT
    d.card,
    v.acquirer_id,
    v.merchant_id,
    v.authorized_at,
    v.merchant_initiated,
    v.transaction_key
FROM visits AS v
INNER JOIN drawn_cards AS d ON v.card_ref = d.card_ref
