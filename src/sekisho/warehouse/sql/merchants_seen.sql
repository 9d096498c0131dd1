-- What: the merchants that the drawn cards visited, numbered in the order of their names.
-- Grain: one row for each merchant.
-- Inputs: drawn_visits.
SELECT
    acquirer_id,
    merchant_id,
    row_number() OVER (ORDER BY acquirer_id NULLS LAST, merchant_id NULLS LAST) - 1 AS entity
FROM (SELECT DISTINCT acquirer_id, merchant_id FROM drawn_visits) AS m
