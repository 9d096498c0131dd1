-- What: which processor each merchant's transactions name, and on which days.
-- Grain: one row for each merchant and processor.
-- Inputs: transactions, merchants_seen.
SELECT
    s.entity,
    t.processor_id,
    CAST(min(t.authorized_at) AS DATE) AS valid_from,
    CAST(max(t.authorized_at) AS DATE) AS valid_to
FROM transactions AS t
INNER JOIN merchants_seen AS s
    ON t.merchant_id = s.merchant_id AND coalesce(t.acquirer_id, '') = s.acquirer_id
WHERE t.processor_id IS NOT NULL
GROUP BY s.entity, t.processor_id
