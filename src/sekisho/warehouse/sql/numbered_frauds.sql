-- What: the fraud reports with numbers for card and, where the report names it, merchant.
-- Grain: one row for each report.
-- Inputs: fraud, drawn_cards, merchants_seen.
SELECT
    d.card,
    f.fraud_at,
    coalesce(f.reported_at, f.fraud_at) AS reported_at,
    f.reported_at IS NOT NULL AS dated,
    coalesce(f.fraud_type, '') AS fraud_type,
    coalesce(m.entity, -1) AS entity
FROM fraud AS f
INNER JOIN drawn_cards AS d ON f.card_ref = d.card_ref
LEFT JOIN merchants_seen AS m
    ON f.merchant_id = m.merchant_id AND coalesce(f.acquirer_id, '') = m.acquirer_id
ORDER BY
    d.card NULLS LAST,
    f.fraud_at NULLS LAST,
    f.reported_at NULLS LAST,
    fraud_type NULLS LAST,
    entity NULLS LAST
