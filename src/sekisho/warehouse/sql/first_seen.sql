-- What: when each drawn card was seen first.
-- Grain: one row for each drawn card with a visit.
-- Inputs: drawn_visits.
SELECT
    card,
    min(authorized_at) AS first_at
FROM drawn_visits
GROUP BY card
