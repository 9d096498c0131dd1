-- What: the cards that visited a merchant of a finding inside its exposure window.
-- Grain: one row for each card and finding.
-- Inputs: exposing_visits, exposure_windows.
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
ORDER BY w.finding NULLS LAST, v.card_ref NULLS LAST
