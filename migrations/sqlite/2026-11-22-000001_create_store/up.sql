-- Money is in cents. The tables are STRICT, so that a column holds its type and nothing else, and
-- the CHECKs are those of the PostgreSQL schema. char(9,10,11,12,13,32) is white space;
-- length() and GLOB stop at a NUL, which PostgreSQL cannot hold at all: it is refused by itself.

CREATE TABLE products (
    id         TEXT NOT NULL PRIMARY KEY
               CHECK (length(id) BETWEEN 1 AND 50 AND instr(id, char(0)) = 0 AND id NOT GLOB '*[^A-Za-z0-9_-]*'),
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

CREATE INDEX products_by_time ON products (created_at DESC, id DESC);
CREATE INDEX products_by_brand ON products (brand, created_at DESC, id DESC);
CREATE INDEX products_by_category ON products (category, created_at DESC, id DESC);
CREATE INDEX products_by_price ON products (price);

CREATE TABLE customers (
    id         TEXT NOT NULL PRIMARY KEY
               CHECK (length(id) BETWEEN 1 AND 50 AND instr(id, char(0)) = 0 AND id NOT GLOB '*[^A-Za-z0-9_-]*'),
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

-- One e-mail address belongs to one customer, however it is written.
CREATE UNIQUE INDEX customers_email ON customers (lower(email));
CREATE INDEX customers_by_time ON customers (created_at DESC, id DESC);
CREATE INDEX customers_by_tier ON customers (tier, created_at DESC, id DESC);

CREATE TABLE orders (
    id               INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    order_number     TEXT NOT NULL UNIQUE
                     CHECK (length(order_number) <= 50 AND trim(order_number, char(9,10,11,12,13,32)) <> ''
                     AND instr(order_number, char(0)) = 0),
    customer_id      TEXT NOT NULL REFERENCES customers (id),
    total_amount     INTEGER NOT NULL CHECK (total_amount >= 0),
    status           TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'cancelled')),
    payment_method   TEXT CHECK (
                         length(payment_method) <= 50
                         AND trim(payment_method, char(9,10,11,12,13,32)) <> ''
                     AND instr(payment_method, char(0)) = 0),
    shipping_address TEXT CHECK (json_valid(shipping_address) AND json_type(shipping_address) = 'object'),
    notes            TEXT CHECK (length(notes) <= 10000 AND instr(notes, char(0)) = 0),
    version          INTEGER NOT NULL CHECK (version > 0),
    created_at       TEXT NOT NULL CHECK (created_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] *'),
    updated_at       TEXT NOT NULL CHECK (updated_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] *')
) STRICT;

CREATE INDEX orders_by_customer ON orders (customer_id, created_at DESC, id DESC);

-- A line keeps the name and price of the day of sale: it does not follow the product, which may
-- change or go.
CREATE TABLE order_items (
    order_id     INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    line         INTEGER NOT NULL CHECK (line > 0),
    product_id   TEXT NOT NULL
                 CHECK (length(product_id) BETWEEN 1 AND 50 AND instr(product_id, char(0)) = 0 AND product_id NOT GLOB '*[^A-Za-z0-9_-]*'),
    product_name TEXT NOT NULL
                 CHECK (length(product_name) <= 255 AND trim(product_name, char(9,10,11,12,13,32)) <> ''
                     AND instr(product_name, char(0)) = 0),
    quantity     INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 2147483647),
    price        INTEGER NOT NULL CHECK (price BETWEEN 0 AND 9999999999),
    PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID;
