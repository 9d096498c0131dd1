-- What: what controls are matched on, for the cards of a numbered list.
-- Grain: one row for each card of the list, in its order.
-- Inputs: listed_cards, cards (which may name a card more than once), card_products.
SELECT
    l.card,
    coalesce(p.product, '') AS product,
    coalesce(c.home_area, '') AS home_area,
    c.opened_on,
    c.closed_on,
    c.replaced_by,
    l.card_ref,
    l.first_at
FROM listed_cards AS l
LEFT JOIN (
    SELECT
        k.card_ref,
        min(k.home_area) AS home_area,
        min(k.opened_on) AS opened_on,
        CASE WHEN count(k.closed_on) = count(*) THEN max(k.closed_on) END AS closed_on,
        max(k.replaced_by) AS replaced_by
    FROM cards AS k
    INNER JOIN listed_cards AS o ON k.card_ref = o.card_ref
    GROUP BY k.card_ref
) AS c ON l.card_ref = c.card_ref
LEFT JOIN (
    SELECT
        q.card_ref,
        min(q.product) AS product
    FROM card_products AS q
    INNER JOIN listed_cards AS o ON q.card_ref = o.card_ref
    GROUP BY q.card_ref
) AS p ON l.card_ref = p.card_ref
ORDER BY l.card NULLS LAST
