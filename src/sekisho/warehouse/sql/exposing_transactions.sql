-- What: of each defrauded card, its first transaction at each shop inside the shop's window.
-- Grain: one row for each card and shop.
-- Inputs: member_transactions, defrauded_cards, member_windows.
SELECT
    entity_id,
    card_ref,
    card_order,
    transaction_id,
    authorized_at,
    acquirer_id,
    merchant_id,
    terminal_id,
    amount_minor,
    currency,
    approved
FROM (
    SELECT
        w.entity_id,
        t.card_ref,
        md5(t.card_ref) AS card_order,
        t.transaction_id,
        t.authorized_at,
        t.acquirer_id,
        t.merchant_id,
        t.terminal_id,
        t.amount_minor,
        t.currency,
        t.approved,
        row_number() OVER (
            PARTITION BY t.card_ref, w.entity_id
            ORDER BY t.authorized_at NULLS LAST, t.transaction_id NULLS LAST
        ) AS place
    FROM member_transactions AS t
    INNER JOIN member_windows AS w ON t.entity_id = w.entity_id
    INNER JOIN defrauded_cards AS d ON t.card_ref = d.card_ref
    WHERE
        t.authorized_at >= w.window_start
        AND t.authorized_at < w.window_end
) AS visits
WHERE place = 1
ORDER BY entity_id NULLS LAST, card_order NULLS LAST
