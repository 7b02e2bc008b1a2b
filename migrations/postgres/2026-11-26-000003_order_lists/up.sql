-- Lists are ordered by more than time: each order has an index that is read from both ends, with the id
-- behind its key. Names are ordered by bytes, with A to Z as a to z, as SQLite orders them, whatever the
-- locale of the database is.
--
-- The stock has none: every sale would then write to every index of the product, the indexed columns
-- being no longer the same as before (HOT).

DROP INDEX products_by_price;
CREATE INDEX products_by_price ON products (price, id);
CREATE INDEX products_by_name ON products (lower(name COLLATE "C"), id);
CREATE INDEX products_by_brand_and_price ON products (brand, price, id);
CREATE INDEX products_by_category_and_price ON products (category, price, id);
CREATE INDEX products_by_brand_and_category ON products (brand, category, created_at DESC, id DESC);

CREATE INDEX customers_by_name ON customers (lower(name COLLATE "C"), id);
CREATE INDEX customers_by_total_spent ON customers (total_spent, id);
