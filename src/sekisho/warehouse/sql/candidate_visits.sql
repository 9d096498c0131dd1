-- What: every visit of any card at the merchants under suspicion.
-- Grain: one row for each visit.
-- Inputs: visits, candidates.
SELECT
    v.card_ref,
    c.entity,
    v.authorized_at,
    v.merchant_initiated,
    v.transaction_key
FROM visits AS v
INNER JOIN candidates AS c
    ON v.merchant_id = c.merchant_id AND v.acquirer_id = c.acquirer_id
