-- What: the cards of the study: all with a fraud report, a share of the others by hash.
-- Grain: one row for each card, numbered in the order of the reference.
-- Inputs: card_survey, fraud; :threshold is a hexadecimal md5 prefix.
-- Why a hash: every run and every engine draws the same cards.
SELECT
    s.card_ref,
    row_number() OVER (ORDER BY s.card_ref NULLS LAST) - 1 AS card,
    s.first_at,
    s.last_at
FROM card_survey AS s
LEFT JOIN (SELECT DISTINCT card_ref FROM fraud) AS f ON s.card_ref = f.card_ref
WHERE f.card_ref IS NOT NULL OR md5(CAST(s.card_ref AS VARCHAR(64))) < :threshold
