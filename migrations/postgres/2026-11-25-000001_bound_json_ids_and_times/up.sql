-- Ids may hold dots. A time is a whole millisecond of the years 0001 to 9999: pages are cut by it. An
-- order keeps what else counts in its total.
--
-- metadata, address and shipping_address hold at most 16384 bytes of compact JSON. Triggers say so:
-- rows that were larger before can still be read, deleted and changed in every other column, which a
-- CHECK would refuse, since it looks at the whole row with each change.

ALTER TABLE products
    DROP CONSTRAINT products_id_check,
    ADD CONSTRAINT products_id_check
        CHECK (id ~ '^[A-Za-z0-9._-]{1,50}$' AND id NOT IN ('.', '..'));

ALTER TABLE customers
    DROP CONSTRAINT customers_id_check,
    ADD CONSTRAINT customers_id_check
        CHECK (id ~ '^[A-Za-z0-9._-]{1,50}$' AND id NOT IN ('.', '..'));

ALTER TABLE order_items
    DROP CONSTRAINT order_items_product_id_check,
    ADD CONSTRAINT order_items_product_id_check
        CHECK (product_id ~ '^[A-Za-z0-9._-]{1,50}$' AND product_id NOT IN ('.', '..'));

-- What was let in as a time is made one.

UPDATE products SET created_at = least(greatest(date_trunc('milliseconds', created_at), '0001-01-01'), '9999-12-31 23:59:59.999')
WHERE NOT (created_at >= '0001-01-01' AND created_at < '10000-01-01' AND created_at = date_trunc('milliseconds', created_at));
UPDATE products SET updated_at = least(greatest(date_trunc('milliseconds', updated_at), '0001-01-01'), '9999-12-31 23:59:59.999')
WHERE NOT (updated_at >= '0001-01-01' AND updated_at < '10000-01-01' AND updated_at = date_trunc('milliseconds', updated_at));
ALTER TABLE products
    ADD CONSTRAINT products_created_at_check
        CHECK (created_at >= '0001-01-01' AND created_at < '10000-01-01' AND created_at = date_trunc('milliseconds', created_at)),
    ADD CONSTRAINT products_updated_at_check
        CHECK (updated_at >= '0001-01-01' AND updated_at < '10000-01-01' AND updated_at = date_trunc('milliseconds', updated_at));

UPDATE customers SET created_at = least(greatest(date_trunc('milliseconds', created_at), '0001-01-01'), '9999-12-31 23:59:59.999')
WHERE NOT (created_at >= '0001-01-01' AND created_at < '10000-01-01' AND created_at = date_trunc('milliseconds', created_at));
UPDATE customers SET updated_at = least(greatest(date_trunc('milliseconds', updated_at), '0001-01-01'), '9999-12-31 23:59:59.999')
WHERE NOT (updated_at >= '0001-01-01' AND updated_at < '10000-01-01' AND updated_at = date_trunc('milliseconds', updated_at));
ALTER TABLE customers
    ADD CONSTRAINT customers_created_at_check
        CHECK (created_at >= '0001-01-01' AND created_at < '10000-01-01' AND created_at = date_trunc('milliseconds', created_at)),
    ADD CONSTRAINT customers_updated_at_check
        CHECK (updated_at >= '0001-01-01' AND updated_at < '10000-01-01' AND updated_at = date_trunc('milliseconds', updated_at));

UPDATE orders SET created_at = least(greatest(date_trunc('milliseconds', created_at), '0001-01-01'), '9999-12-31 23:59:59.999')
WHERE NOT (created_at >= '0001-01-01' AND created_at < '10000-01-01' AND created_at = date_trunc('milliseconds', created_at));
UPDATE orders SET updated_at = least(greatest(date_trunc('milliseconds', updated_at), '0001-01-01'), '9999-12-31 23:59:59.999')
WHERE NOT (updated_at >= '0001-01-01' AND updated_at < '10000-01-01' AND updated_at = date_trunc('milliseconds', updated_at));
ALTER TABLE orders
    ADD CONSTRAINT orders_created_at_check
        CHECK (created_at >= '0001-01-01' AND created_at < '10000-01-01' AND created_at = date_trunc('milliseconds', created_at)),
    ADD CONSTRAINT orders_updated_at_check
        CHECK (updated_at >= '0001-01-01' AND updated_at < '10000-01-01' AND updated_at = date_trunc('milliseconds', updated_at));

ALTER TABLE orders
    ADD COLUMN discount_amount BIGINT NOT NULL DEFAULT 0 CHECK (discount_amount >= 0),
    ADD COLUMN shipping_amount BIGINT NOT NULL DEFAULT 0 CHECK (shipping_amount >= 0),
    ADD COLUMN tax_amount BIGINT NOT NULL DEFAULT 0 CHECK (tax_amount >= 0);

-- The text of a JSONB has a space behind each comma and colon, which compact JSON has not.
CREATE FUNCTION refuse_long_json() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    json_text TEXT := to_jsonb(NEW) ->> TG_ARGV[0];
    spaces TEXT := regexp_replace(regexp_replace(json_text, '"([^"\\]|\\.)*"', '', 'g'), '[^ ]', '', 'g');
BEGIN
    IF octet_length(json_text) - length(spaces) > 16384 THEN
        RAISE EXCEPTION '% is longer than 16384 bytes', TG_ARGV[0] USING
            ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = TG_ARGV[0];
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER products_metadata_length BEFORE INSERT OR UPDATE OF metadata ON products
FOR EACH ROW WHEN (octet_length(NEW.metadata::text) > 16384)
EXECUTE FUNCTION refuse_long_json('metadata');

CREATE TRIGGER customers_address_length BEFORE INSERT OR UPDATE OF address ON customers
FOR EACH ROW WHEN (octet_length(NEW.address::text) > 16384)
EXECUTE FUNCTION refuse_long_json('address');

CREATE TRIGGER orders_shipping_address_length BEFORE INSERT OR UPDATE OF shipping_address ON orders
FOR EACH ROW WHEN (octet_length(NEW.shipping_address::text) > 16384)
EXECUTE FUNCTION refuse_long_json('shipping_address');
