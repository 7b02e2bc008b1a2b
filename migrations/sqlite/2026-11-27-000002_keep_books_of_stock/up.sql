-- Stock is kept with its books. `stock` is what can be sold now, `reserved` what somebody has a claim to,
-- and both together are on hand. Holds say who has the claims. The ledger has a line for each change of
-- either number, with what was left: nothing changes or deletes one, and all of them prove the numbers.
--
-- A hold that is closed has no open pieces. Products may go; lines of the ledger and of holds that are closed stay.

ALTER TABLE products
    ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0 AND stock + reserved <= 2147483647);
ALTER TABLE products
    ADD COLUMN low_stock_at INTEGER CHECK (low_stock_at BETWEEN 0 AND 2147483647);

CREATE TABLE stock_holds (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    kind        TEXT NOT NULL CHECK (kind IN ('hold', 'quote', 'order')),
    state       TEXT NOT NULL CHECK (state IN ('open', 'consumed', 'released', 'expired')),
    order_id    INTEGER CHECK (order_id > 0),
    customer_id TEXT REFERENCES customers (id) ON DELETE SET NULL,
    expires_at  TEXT CHECK (expires_at IS NULL OR (expires_at >= '0001' AND datetime(substr(expires_at, 1, 19), '+0 days') IS substr(expires_at, 1, 19)
                     AND (length(expires_at) = 19 OR length(expires_at) = 23
                          AND expires_at GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND expires_at NOT GLOB '*.000'))),
    reason      TEXT CHECK (length(reason) <= 500 AND trim(reason, char(9,10,11,12,13,32)) <> '' AND instr(reason, char(0)) = 0),
    actor       TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 255 AND instr(actor, char(0)) = 0),
    version     INTEGER NOT NULL CHECK (version > 0),
    created_at  TEXT NOT NULL CHECK (created_at >= '0001' AND datetime(substr(created_at, 1, 19), '+0 days') IS substr(created_at, 1, 19)
                     AND (length(created_at) = 19 OR length(created_at) = 23
                          AND created_at GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND created_at NOT GLOB '*.000')),
    updated_at  TEXT NOT NULL CHECK (updated_at >= '0001' AND datetime(substr(updated_at, 1, 19), '+0 days') IS substr(updated_at, 1, 19)
                     AND (length(updated_at) = 19 OR length(updated_at) = 23
                          AND updated_at GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND updated_at NOT GLOB '*.000')),
    CONSTRAINT stock_holds_end CHECK ((kind = 'order') = (expires_at IS NULL)),
    CONSTRAINT stock_holds_order CHECK ((kind = 'hold') = (order_id IS NULL)),
    CONSTRAINT stock_holds_expired CHECK (state <> 'expired' OR kind <> 'order')
) STRICT;

-- An order has one claim.
CREATE UNIQUE INDEX stock_holds_one_open ON stock_holds (order_id) WHERE state = 'open' AND order_id IS NOT NULL;
CREATE INDEX stock_holds_due ON stock_holds (expires_at, id) WHERE state = 'open' AND expires_at IS NOT NULL;
CREATE INDEX stock_holds_by_time ON stock_holds (created_at DESC, id DESC);
CREATE INDEX stock_holds_open ON stock_holds (created_at DESC, id DESC) WHERE state = 'open';
CREATE INDEX stock_holds_by_customer ON stock_holds (customer_id, created_at DESC, id DESC);

CREATE TABLE stock_hold_items (
    hold_id       INTEGER NOT NULL REFERENCES stock_holds (id),
    product_id    TEXT NOT NULL CHECK (length(product_id) BETWEEN 1 AND 50 AND instr(product_id, char(0)) = 0
                     AND product_id NOT GLOB '*[^A-Za-z0-9._-]*' AND product_id NOT IN ('.', '..')),
    quantity      INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 2147483647),
    open_quantity INTEGER NOT NULL,
    PRIMARY KEY (hold_id, product_id),
    CONSTRAINT stock_hold_items_open_quantity CHECK (open_quantity BETWEEN 0 AND quantity)
) STRICT, WITHOUT ROWID;

CREATE INDEX stock_hold_items_open ON stock_hold_items (product_id, hold_id) WHERE open_quantity > 0;
CREATE INDEX stock_hold_items_by_product ON stock_hold_items (product_id, hold_id);

-- `version` is that of the product after the change: the order of the changes of one product.
CREATE TABLE stock_ledger (
    product_id     TEXT NOT NULL CHECK (length(product_id) BETWEEN 1 AND 50 AND instr(product_id, char(0)) = 0
                     AND product_id NOT GLOB '*[^A-Za-z0-9._-]*' AND product_id NOT IN ('.', '..')),
    version        INTEGER NOT NULL CHECK (version > 0),
    kind           TEXT NOT NULL CHECK (kind IN
                   ('opening', 'receipt', 'adjustment', 'sale', 'hold', 'release', 'fulfilment', 'return', 'removal')),
    on_hand_delta  INTEGER NOT NULL CHECK (on_hand_delta BETWEEN -2147483647 AND 2147483647),
    reserved_delta INTEGER NOT NULL CHECK (reserved_delta BETWEEN -2147483647 AND 2147483647),
    on_hand_after  INTEGER NOT NULL CHECK (on_hand_after BETWEEN 0 AND 2147483647),
    reserved_after INTEGER NOT NULL,
    source         TEXT CHECK (length(source) BETWEEN 1 AND 120 AND instr(source, char(0)) = 0),
    reason         TEXT CHECK (length(reason) <= 500 AND trim(reason, char(9,10,11,12,13,32)) <> '' AND instr(reason, char(0)) = 0),
    note           TEXT CHECK (length(note) <= 500 AND trim(note, char(9,10,11,12,13,32)) <> '' AND instr(note, char(0)) = 0),
    actor          TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 255 AND instr(actor, char(0)) = 0),
    request_id     TEXT CHECK (length(request_id) BETWEEN 1 AND 128 AND instr(request_id, char(0)) = 0),
    created_at     TEXT NOT NULL CHECK (created_at >= '0001' AND datetime(substr(created_at, 1, 19), '+0 days') IS substr(created_at, 1, 19)
                     AND (length(created_at) = 19 OR length(created_at) = 23
                          AND created_at GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND created_at NOT GLOB '*.000')),
    PRIMARY KEY (product_id, version),
    CONSTRAINT stock_ledger_reserved_after CHECK (reserved_after BETWEEN 0 AND on_hand_after),
    -- A count may find what the books say, and a product may come or go without a piece.
    CONSTRAINT stock_ledger_moves
        CHECK (on_hand_delta <> 0 OR reserved_delta <> 0 OR kind IN ('opening', 'adjustment', 'removal')),
    CONSTRAINT stock_ledger_why CHECK (kind NOT IN ('adjustment', 'receipt') OR reason IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- What happens once moves a product once.
CREATE UNIQUE INDEX stock_ledger_once ON stock_ledger (source, product_id) WHERE source IS NOT NULL;
CREATE INDEX stock_ledger_by_time ON stock_ledger (created_at DESC, product_id DESC, version DESC);

-- The pieces of pending orders are on hand as well, and reserved: what can be sold stays as it is. A
-- product that is gone has none, and neither has one of which there would be more than can be counted.

INSERT INTO stock_holds (kind, state, order_id, customer_id, actor, version, created_at, updated_at)
SELECT 'order', 'open', id, customer_id, 'migration', 1,
       replace(strftime('%Y-%m-%d %H:%M:%f', 'now'), '.000', ''),
       replace(strftime('%Y-%m-%d %H:%M:%f', 'now'), '.000', '')
FROM orders WHERE status = 'pending' ORDER BY id;

INSERT INTO stock_hold_items (hold_id, product_id, quantity, open_quantity)
SELECT h.id, i.product_id, sum(i.quantity), sum(i.quantity)
FROM stock_holds h JOIN order_items i ON i.order_id = h.order_id
WHERE i.product_id IN (
    SELECT p.id FROM products p
    JOIN order_items wanted ON wanted.product_id = p.id
    JOIN orders o ON o.id = wanted.order_id AND o.status = 'pending'
    GROUP BY p.id, p.stock HAVING p.stock + sum(wanted.quantity) <= 2147483647
)
GROUP BY h.id, i.product_id;

DELETE FROM stock_holds WHERE NOT EXISTS (SELECT 1 FROM stock_hold_items i WHERE i.hold_id = stock_holds.id);

UPDATE products SET
    reserved = coalesce((SELECT sum(open_quantity) FROM stock_hold_items i WHERE i.product_id = products.id), 0),
    version = version + 1;

INSERT INTO stock_ledger (product_id, version, kind, on_hand_delta, reserved_delta, on_hand_after, reserved_after,
                          actor, created_at)
SELECT id, version, 'opening', stock + reserved, reserved, stock + reserved, reserved,
       'migration', replace(strftime('%Y-%m-%d %H:%M:%f', 'now'), '.000', '')
FROM products;
