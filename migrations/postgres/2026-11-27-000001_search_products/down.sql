-- The extension stays: other tables may use it by now.
DROP INDEX IF EXISTS products_by_search_text;
ALTER TABLE products DROP COLUMN search_text;
