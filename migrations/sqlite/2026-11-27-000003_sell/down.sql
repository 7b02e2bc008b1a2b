DROP TABLE events;
DROP TABLE order_serials;
DROP TABLE fulfilment_items;
DROP TABLE fulfilments;
DROP TABLE payments;

-- An older version knows no drafts.
DELETE FROM orders WHERE status = 'draft';

CREATE TABLE orders_new (
    id               INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    order_number     TEXT NOT NULL UNIQUE
                     CHECK (length(order_number) <= 50 AND trim(order_number, char(9,10,11,12,13,32)) <> ''
                     AND instr(order_number, char(0)) = 0),
    customer_id      TEXT NOT NULL REFERENCES customers (id),
    total_amount     INTEGER NOT NULL CHECK (total_amount >= 0),
    status           TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'cancelled')),
    payment_method   TEXT CHECK (length(payment_method) <= 50 AND trim(payment_method, char(9,10,11,12,13,32)) <> ''
                     AND instr(payment_method, char(0)) = 0),
    shipping_address TEXT CHECK (shipping_address IS NULL OR (json_valid(shipping_address) AND json_type(shipping_address) = 'object')),
    notes            TEXT CHECK (length(notes) <= 10000 AND instr(notes, char(0)) = 0),
    version          INTEGER NOT NULL CHECK (version > 0),
    created_at TEXT NOT NULL CHECK (created_at >= '0001' AND datetime(substr(created_at, 1, 19), '+0 days') IS substr(created_at, 1, 19)
                     AND (length(created_at) = 19 OR length(created_at) = 23
                          AND created_at GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND created_at NOT GLOB '*.000')),
    updated_at TEXT NOT NULL CHECK (updated_at >= '0001' AND datetime(substr(updated_at, 1, 19), '+0 days') IS substr(updated_at, 1, 19)
                     AND (length(updated_at) = 19 OR length(updated_at) = 23
                          AND updated_at GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND updated_at NOT GLOB '*.000')),
    discount_amount  INTEGER NOT NULL DEFAULT 0 CHECK (discount_amount >= 0),
    shipping_amount  INTEGER NOT NULL DEFAULT 0 CHECK (shipping_amount >= 0),
    tax_amount       INTEGER NOT NULL DEFAULT 0 CHECK (tax_amount >= 0)
) STRICT;

CREATE TABLE order_items_new (
    order_id     INTEGER NOT NULL REFERENCES orders_new (id) ON DELETE CASCADE,
    line         INTEGER NOT NULL CHECK (line > 0),
    product_id TEXT NOT NULL
                 CHECK (length(product_id) BETWEEN 1 AND 50 AND instr(product_id, char(0)) = 0
                     AND product_id NOT GLOB '*[^A-Za-z0-9._-]*' AND product_id NOT IN ('.', '..')),
    product_name TEXT NOT NULL
                 CHECK (length(product_name) <= 255 AND trim(product_name, char(9,10,11,12,13,32)) <> ''
                     AND instr(product_name, char(0)) = 0),
    quantity     INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 2147483647),
    price        INTEGER NOT NULL CHECK (price BETWEEN 0 AND 9999999999),
    PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID;

INSERT INTO orders_new (id, order_number, customer_id, total_amount, status, payment_method, shipping_address, notes,
       version, created_at, updated_at, discount_amount, shipping_amount, tax_amount)
SELECT id, order_number, customer_id, total_amount, status, payment_method, shipping_address, notes,
       version, created_at, updated_at, discount_amount, shipping_amount, tax_amount
FROM orders;

INSERT INTO order_items_new (order_id, line, product_id, product_name, quantity, price)
SELECT order_id, line, product_id, product_name, quantity, price
FROM order_items;

-- The next order is numbered after every one that there ever was.
INSERT INTO sqlite_sequence (name, seq) SELECT 'orders_new', 0
WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'orders_new');
UPDATE sqlite_sequence SET seq = max(seq, (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'orders'))
WHERE name = 'orders_new';

-- DROP TABLE deletes the rows first, which takes the items of an order with it: the items go first. A
-- renamed table takes its references along.
DROP TABLE order_items;
DROP TABLE orders;
ALTER TABLE orders_new RENAME TO orders;
ALTER TABLE order_items_new RENAME TO order_items;

CREATE INDEX orders_by_customer ON orders (customer_id, created_at DESC, id DESC);

CREATE TRIGGER orders_shipping_address_added BEFORE INSERT ON orders
WHEN length(CAST(NEW.shipping_address AS BLOB)) > 16384
BEGIN
    SELECT RAISE(ABORT, 'shipping_address is longer than 16384 bytes');
END;

CREATE TRIGGER orders_shipping_address_changed BEFORE UPDATE OF shipping_address ON orders
WHEN length(CAST(NEW.shipping_address AS BLOB)) > 16384
BEGIN
    SELECT RAISE(ABORT, 'shipping_address is longer than 16384 bytes');
END;
