-- What: what controls are matched on, for the cards of a numbered list.
-- Grain: one row for each card of the list, in its order.
-- Inputs: listed_cards, cards, card_products.
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
LEFT JOIN cards AS c ON l.card_ref = c.card_ref
LEFT JOIN card_products AS p ON l.card_ref = p.card_ref
ORDER BY l.card NULLS LAST
