-- What: the history at a glance.
-- Grain: one row.
-- Inputs: card_survey.
SELECT
    count(*) AS card_count,
    coalesce(sum(visit_count), 0) AS visit_count,
    min(first_at) AS first_at,
    max(last_at) AS last_at
FROM card_survey
