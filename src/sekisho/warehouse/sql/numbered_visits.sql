-- What: the drawn cards' visits with numbers for card and merchant.
-- Grain: one row for each visit.
-- Inputs: drawn_visits, merchants_seen.
SELECT
    v.card,
    m.entity,
    v.authorized_at,
    v.merchant_initiated
FROM drawn_visits AS v
INNER JOIN merchants_seen AS m
    ON v.acquirer_id = m.acquirer_id AND v.merchant_id = m.merchant_id
