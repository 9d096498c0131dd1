-- What: when the added cards were used.
-- Grain: one row for each visit.
-- Inputs: visits, added_cards.
SELECT
    a.card,
    v.acquirer_id,
    v.merchant_id,
    v.authorized_at,
    v.transaction_key
FROM visits AS v
INNER JOIN added_cards AS a ON v.card_ref = a.card_ref
