-- What: visits of the drawn cards at the merchants of findings, with the terminal.
-- Grain: one row for each visit (rows that overlapping files share count once).
-- Inputs: terminal_transactions, drawn_cards, terminal_merchants.
SELECT DISTINCT
    d.card,
    m.entity,
    t.authorized_at,
    t.terminal_id
FROM terminal_transactions AS t
INNER JOIN drawn_cards AS d ON t.card_ref = d.card_ref
INNER JOIN terminal_merchants AS m
    ON t.merchant_id = m.merchant_id AND t.acquirer_id = m.acquirer_id
ORDER BY
    m.entity NULLS LAST,
    d.card NULLS LAST,
    t.authorized_at NULLS LAST,
    t.terminal_id NULLS LAST
