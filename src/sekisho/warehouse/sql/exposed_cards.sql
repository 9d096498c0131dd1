-- What: cards that visited a merchant of a finding in its window, and whether fraud came after.
-- Grain: one row for each card and finding.
-- Inputs: exposing_visits, exposure_windows, counted_frauds.
SELECT
    e.card_ref,
    e.finding,
    e.first_exposed_at,
    e.last_exposed_at,
    e.exposures,
    coalesce(f.last_fraud_at > e.first_exposed_at, FALSE) AS defrauded
FROM (
    SELECT
        v.card_ref,
        w.finding,
        min(v.authorized_at) AS first_exposed_at,
        max(v.authorized_at) AS last_exposed_at,
        count(DISTINCT v.authorized_at) AS exposures
    FROM exposing_visits AS v
    INNER JOIN exposure_windows AS w
        ON v.merchant_id = w.merchant_id AND v.acquirer_id = w.acquirer_id
    WHERE
        v.authorized_at >= w.window_start
        AND v.authorized_at < w.window_end
    GROUP BY v.card_ref, w.finding
) AS e
LEFT JOIN (
    SELECT card_ref, max(fraud_at) AS last_fraud_at FROM counted_frauds GROUP BY card_ref
) AS f ON e.card_ref = f.card_ref
ORDER BY e.finding NULLS LAST, e.card_ref NULLS LAST
