-- What: the cards of the study: all with a fraud report, a share of the others by hash.
-- Grain: one row for each card, numbered in the order of the reference.
-- Inputs: card_list, fraud; :threshold is a hexadecimal md5 prefix.
-- Why a hash: every run and every engine draws the same cards.
SELECT
    c.card_ref,
    row_number() OVER (ORDER BY c.card_ref NULLS LAST) - 1 AS card
FROM (
    SELECT card_ref FROM card_list
    WHERE md5(CAST(card_ref AS VARCHAR(64))) < :threshold
    UNION
    SELECT card_ref FROM fraud
    WHERE card_ref IS NOT NULL
) AS c
