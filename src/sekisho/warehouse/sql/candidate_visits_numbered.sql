-- What: visits at the merchants under suspicion with numbers for the cards.
-- Grain: one row for each visit.
-- Inputs: candidate_visits, drawn_cards, added_cards.
SELECT
    c.card,
    v.entity,
    v.authorized_at,
    v.merchant_initiated
FROM candidate_visits AS v
INNER JOIN (
    SELECT card_ref, card FROM drawn_cards
    UNION ALL
    SELECT card_ref, card FROM added_cards
) AS c ON v.card_ref = c.card_ref
