-- What: the cards that visited a merchant under suspicion and were not drawn before.
-- Grain: one row for each card, numbered from :known on in the order of the reference.
-- Inputs: candidate_visits, drawn_cards, card_survey.
SELECT
    s.card_ref,
    row_number() OVER (ORDER BY s.card_ref NULLS LAST) - 1 + :known AS card,
    s.first_at,
    s.last_at
FROM card_survey AS s
INNER JOIN (SELECT DISTINCT card_ref FROM candidate_visits) AS v ON s.card_ref = v.card_ref
LEFT JOIN drawn_cards AS d ON s.card_ref = d.card_ref
WHERE d.card_ref IS NULL
