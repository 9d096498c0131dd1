-- What: which processor each merchant belongs to, and from when until when.
-- Grain: one row for each merchant and time of belonging.
-- Inputs: merchants_seen, merchants.
SELECT
    s.entity,
    m.processor_id,
    m.valid_from,
    m.valid_to
FROM merchants_seen AS s
INNER JOIN merchants AS m
    ON s.merchant_id = m.merchant_id AND s.acquirer_id = coalesce(m.acquirer_id, '')
WHERE m.processor_id IS NOT NULL
