-- What a customer has spent stands in their row: the sum of their pending and completed orders, in
-- cents, kept by the transactions that change an order.

ALTER TABLE customers
    ADD COLUMN total_spent INTEGER NOT NULL DEFAULT 0
        CHECK (typeof(total_spent) = 'integer' AND total_spent >= 0);

UPDATE customers SET total_spent = (
    SELECT sum(total_amount) FROM orders
    WHERE customer_id = customers.id AND status IN ('pending', 'completed')
)
WHERE id IN (SELECT customer_id FROM orders WHERE status IN ('pending', 'completed'));
