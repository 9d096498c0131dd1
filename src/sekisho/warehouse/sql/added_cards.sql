-- What: the cards that visited a merchant under suspicion and were not drawn before.
-- Grain: one row for each card, numbered from :known on in the order of the reference.
-- Inputs: candidate_visits, drawn_cards.
SELECT
    v.card_ref,
    row_number() OVER (ORDER BY v.card_ref NULLS LAST) - 1 + :known AS card
FROM (SELECT DISTINCT card_ref FROM candidate_visits) AS v
LEFT JOIN drawn_cards AS d ON v.card_ref = d.card_ref
WHERE d.card_ref IS NULL
