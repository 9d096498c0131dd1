-- What: the transactions that fraud reports name, as far as the history has them.
-- Grain: one row for each report and transaction.
-- Inputs: fraud, drawn_cards, misuse_transactions.
SELECT
    d.card,
    f.fraud_at,
    t.entry_mode,
    t.eci,
    t.security_code_result,
    t.approved
FROM fraud AS f
INNER JOIN drawn_cards AS d ON f.card_ref = d.card_ref
INNER JOIN misuse_transactions AS t ON f.card_ref = t.card_ref
WHERE
    t.authorized_at = f.fraud_at
    OR t.transaction_id = f.transaction_id
ORDER BY
    d.card NULLS LAST,
    f.fraud_at NULLS LAST,
    t.entry_mode NULLS LAST,
    t.eci NULLS LAST,
    t.security_code_result NULLS LAST,
    t.approved NULLS LAST
