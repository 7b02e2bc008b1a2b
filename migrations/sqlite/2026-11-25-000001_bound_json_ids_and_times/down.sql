-- The tables as they were before. It fails where a row would break their rules, such as one with a
-- dot in its id. Amounts of orders beside their totals are lost.

CREATE TABLE products_new (
    id         TEXT NOT NULL PRIMARY KEY
               CHECK (length(id) BETWEEN 1 AND 50 AND instr(id, char(0)) = 0
                     AND id NOT GLOB '*[^A-Za-z0-9_-]*'),
    name       TEXT NOT NULL CHECK (length(name) <= 255 AND trim(name, char(9,10,11,12,13,32)) <> ''
                     AND instr(name, char(0)) = 0),
    brand      TEXT NOT NULL CHECK (length(brand) <= 100 AND trim(brand, char(9,10,11,12,13,32)) <> ''
                     AND instr(brand, char(0)) = 0),
    price      INTEGER NOT NULL CHECK (price BETWEEN 0 AND 9999999999),
    stock      INTEGER NOT NULL CHECK (stock BETWEEN 0 AND 2147483647),
    category   TEXT NOT NULL CHECK (length(category) <= 50 AND trim(category, char(9,10,11,12,13,32)) <> ''
                     AND instr(category, char(0)) = 0),
    metadata   TEXT CHECK (json_valid(metadata) AND json_type(metadata) = 'object'),
    version    INTEGER NOT NULL CHECK (version > 0),
    created_at TEXT NOT NULL CHECK (created_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] *'),
    updated_at TEXT NOT NULL CHECK (updated_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] *')
) STRICT;

CREATE TABLE customers_new (
    id         TEXT NOT NULL PRIMARY KEY
               CHECK (length(id) BETWEEN 1 AND 50 AND instr(id, char(0)) = 0
                     AND id NOT GLOB '*[^A-Za-z0-9_-]*'),
    email      TEXT NOT NULL CHECK (
                   length(email) <= 255 AND email GLOB '?*@?*'
                   AND instr(email, char(0)) = 0 AND email NOT GLOB '*[^!-~]*' AND email NOT GLOB '*@*@*'),
    name       TEXT NOT NULL CHECK (length(name) <= 255 AND trim(name, char(9,10,11,12,13,32)) <> ''
                     AND instr(name, char(0)) = 0),
    tier       TEXT NOT NULL CHECK (tier IN ('bronze', 'silver', 'gold', 'platinum')),
    phone      TEXT CHECK (length(phone) <= 50 AND trim(phone, char(9,10,11,12,13,32)) <> ''
                     AND instr(phone, char(0)) = 0),
    address    TEXT CHECK (json_valid(address) AND json_type(address) = 'object'),
    version    INTEGER NOT NULL CHECK (version > 0),
    created_at TEXT NOT NULL CHECK (created_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] *'),
    updated_at TEXT NOT NULL CHECK (updated_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] *')
) STRICT;

CREATE TABLE orders_new (
    id               INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    order_number     TEXT NOT NULL UNIQUE
                     CHECK (length(order_number) <= 50 AND trim(order_number, char(9,10,11,12,13,32)) <> ''
                     AND instr(order_number, char(0)) = 0),
    customer_id      TEXT NOT NULL REFERENCES customers_new (id),
    total_amount     INTEGER NOT NULL CHECK (total_amount >= 0),
    status           TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'cancelled')),
    payment_method   TEXT CHECK (length(payment_method) <= 50 AND trim(payment_method, char(9,10,11,12,13,32)) <> ''
                     AND instr(payment_method, char(0)) = 0),
    shipping_address TEXT CHECK (json_valid(shipping_address) AND json_type(shipping_address) = 'object'),
    notes            TEXT CHECK (length(notes) <= 10000 AND instr(notes, char(0)) = 0),
    version          INTEGER NOT NULL CHECK (version > 0),
    created_at       TEXT NOT NULL CHECK (created_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] *'),
    updated_at       TEXT NOT NULL CHECK (updated_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] *')
) STRICT;

CREATE TABLE order_items_new (
    order_id     INTEGER NOT NULL REFERENCES orders_new (id) ON DELETE CASCADE,
    line         INTEGER NOT NULL CHECK (line > 0),
    product_id   TEXT NOT NULL
                 CHECK (length(product_id) BETWEEN 1 AND 50 AND instr(product_id, char(0)) = 0
                     AND product_id NOT GLOB '*[^A-Za-z0-9_-]*'),
    product_name TEXT NOT NULL
                 CHECK (length(product_name) <= 255 AND trim(product_name, char(9,10,11,12,13,32)) <> ''
                     AND instr(product_name, char(0)) = 0),
    quantity     INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 2147483647),
    price        INTEGER NOT NULL CHECK (price BETWEEN 0 AND 9999999999),
    PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID;

INSERT INTO products_new (id, name, brand, price, stock, category, metadata, version, created_at, updated_at)
SELECT id, name, brand, price, stock, category, metadata, version, created_at, updated_at
FROM products;

INSERT INTO customers_new (id, email, name, tier, phone, address, version, created_at, updated_at)
SELECT id, email, name, tier, phone, address, version, created_at, updated_at
FROM customers;

INSERT INTO orders_new (id, order_number, customer_id, total_amount, status, payment_method, shipping_address, notes,
       version, created_at, updated_at)
SELECT id, order_number, customer_id, total_amount, status, payment_method, shipping_address, notes,
       version, created_at, updated_at
FROM orders;

INSERT INTO order_items_new (order_id, line, product_id, product_name, quantity, price)
SELECT order_id, line, product_id, product_name, quantity, price
FROM order_items;

-- The next order is numbered after every one that there ever was.
INSERT INTO sqlite_sequence (name, seq) SELECT 'orders_new', 0
WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'orders_new');
UPDATE sqlite_sequence SET seq = max(seq, (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'orders'))
WHERE name = 'orders_new';

-- DROP TABLE deletes the rows first, which takes the items of an order with it: the items go before
-- the orders, and these before the customers. A renamed table takes its references along.
DROP TABLE order_items;
DROP TABLE orders;
DROP TABLE customers;
DROP TABLE products;
ALTER TABLE products_new RENAME TO products;
ALTER TABLE customers_new RENAME TO customers;
ALTER TABLE orders_new RENAME TO orders;
ALTER TABLE order_items_new RENAME TO order_items;

CREATE INDEX products_by_time ON products (created_at DESC, id DESC);
CREATE INDEX products_by_brand ON products (brand, created_at DESC, id DESC);
CREATE INDEX products_by_category ON products (category, created_at DESC, id DESC);
CREATE INDEX products_by_price ON products (price);
-- One e-mail address belongs to one customer, however it is written.
CREATE UNIQUE INDEX customers_email ON customers (lower(email));
CREATE INDEX customers_by_time ON customers (created_at DESC, id DESC);
CREATE INDEX customers_by_tier ON customers (tier, created_at DESC, id DESC);
CREATE INDEX orders_by_customer ON orders (customer_id, created_at DESC, id DESC);
