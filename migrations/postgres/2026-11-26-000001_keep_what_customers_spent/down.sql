ALTER TABLE customers DROP COLUMN total_spent;
