DROP TABLE stock_ledger;
DROP TABLE stock_hold_items;
DROP TABLE stock_holds;
ALTER TABLE products DROP COLUMN low_stock_at;
ALTER TABLE products DROP COLUMN reserved;
