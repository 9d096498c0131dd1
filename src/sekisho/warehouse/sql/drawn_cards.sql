-- What: the cards of the study: all with a fraud report, and a share of the others by hash, so that
--       every run and every engine draws the same ones.
-- Grain: one row for each card, numbered in the order of the reference.
-- Inputs: card_survey, fraud; :threshold is a hexadecimal md5 prefix.
SELECT
    s.card_ref,
    row_number() OVER (ORDER BY s.card_ref) - 1 AS card,
    s.first_at,
    s.last_at
FROM card_survey AS s
LEFT JOIN (SELECT DISTINCT card_ref FROM fraud) AS f ON s.card_ref = f.card_ref
WHERE f.card_ref IS NOT NULL OR md5(CAST(s.card_ref AS VARCHAR(64))) < :threshold
