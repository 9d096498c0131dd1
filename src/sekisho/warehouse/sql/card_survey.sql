-- What: how often and when each card was used.
-- Grain: one row for each card.
-- Inputs: visits.
SELECT
    card_ref,
    count(*) AS visit_count,
    min(authorized_at) AS first_at,
    max(authorized_at) AS last_at,
    max(bin) AS card_bin
FROM visits
GROUP BY card_ref
