-- What a customer has spent stands in their row: the sum of their pending and completed orders, in
-- cents, kept by the transactions that change an order.

ALTER TABLE customers
    ADD COLUMN total_spent BIGINT NOT NULL DEFAULT 0 CHECK (total_spent >= 0);

UPDATE customers SET total_spent = spent.total
FROM (
    SELECT customer_id, sum(total_amount) AS total
    FROM orders WHERE status IN ('pending', 'completed') GROUP BY customer_id
) AS spent
WHERE customers.id = spent.customer_id;
