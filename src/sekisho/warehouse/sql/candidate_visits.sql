-- What: visits at the merchants under suspicion, of all reported cards and a share of the others.
-- Grain: one row for each visit.
-- Inputs: visits, candidates (whose threshold is a hexadecimal md5 prefix), fraud.
SELECT
    v.card_ref,
    c.entity,
    v.authorized_at,
    v.merchant_initiated,
    v.transaction_key
FROM visits AS v
INNER JOIN candidates AS c
    ON v.merchant_id = c.merchant_id AND v.acquirer_id = c.acquirer_id
LEFT JOIN (SELECT DISTINCT card_ref FROM fraud) AS f ON v.card_ref = f.card_ref
WHERE f.card_ref IS NOT NULL OR md5(CAST(v.card_ref AS VARCHAR(64))) < c.threshold
