-- Orders are placed, paid, fulfilled, cancelled, taken back and refunded. Their amounts are in cents:
--
--   items - discount + shipping (+ tax, where it is added)  = original_amount, as the order was placed
--   original_amount - taken_back_amount - allowance_amount  = total_amount, what is owed now
--
-- Each is a CHECK, and so is that no more is refunded than was paid, that a completed order is paid, and
-- that pieces come back only if they have left. What can be told from these numbers alone is told by
-- generated columns, which nobody can write. A draft has no number, and is seen by no older route.
--
-- Orders that are there were imported. A completed one is taken as paid and fulfilled; nobody knows which of
-- its lines a discount was for, so the first lines take it. A total that differs from its lines has the
-- difference in import_difference. An order without a currency is in that of the store.
--
-- SQLite cannot change a CHECK: the tables are built anew and the rows copied.

CREATE TABLE orders_new (
    id               INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    order_number     TEXT UNIQUE
                     CHECK (length(order_number) <= 50 AND trim(order_number, char(9,10,11,12,13,32)) <> ''
                     AND instr(order_number, char(0)) = 0),
    customer_id      TEXT NOT NULL REFERENCES customers (id),
    total_amount     INTEGER NOT NULL CHECK (total_amount >= 0),
    status           TEXT NOT NULL CHECK (status IN ('draft', 'pending', 'completed', 'cancelled')),
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
    tax_amount       INTEGER NOT NULL DEFAULT 0 CHECK (tax_amount >= 0),
    source TEXT NOT NULL DEFAULT 'import' CHECK (source IN ('import', 'api')),
    currency TEXT CHECK (length(currency) = 3 AND instr(currency, char(0)) = 0 AND currency NOT GLOB '*[^A-Z]*'),
    reference TEXT CHECK (length(reference) <= 100 AND trim(reference, char(9,10,11,12,13,32)) <> '' AND instr(reference, char(0)) = 0),
    items_amount INTEGER NOT NULL DEFAULT 0 CHECK (items_amount >= 0),
    discount_tier TEXT CHECK (discount_tier IN ('bronze', 'silver', 'gold', 'platinum')),
    discount_rate INTEGER NOT NULL DEFAULT 0 CHECK (discount_rate BETWEEN 0 AND 10000),
    tax_mode TEXT NOT NULL DEFAULT 'none' CHECK (tax_mode IN ('none', 'included', 'added')),
    tax_rate INTEGER NOT NULL DEFAULT 0 CHECK (tax_rate BETWEEN 0 AND 10000),
    tax_exempt_reason TEXT CHECK (length(tax_exempt_reason) <= 500 AND trim(tax_exempt_reason, char(9,10,11,12,13,32)) <> '' AND instr(tax_exempt_reason, char(0)) = 0),
    original_amount INTEGER NOT NULL DEFAULT 0 CHECK (original_amount >= 0),
    taken_back_amount INTEGER NOT NULL DEFAULT 0 CHECK (taken_back_amount >= 0),
    allowance_amount INTEGER NOT NULL DEFAULT 0 CHECK (allowance_amount >= 0),
    import_difference INTEGER NOT NULL DEFAULT 0,
    paid_amount INTEGER NOT NULL DEFAULT 0 CHECK (paid_amount >= 0),
    refunded_amount INTEGER NOT NULL DEFAULT 0,
    pieces INTEGER NOT NULL DEFAULT 0,
    pieces_cancelled INTEGER NOT NULL DEFAULT 0,
    pieces_fulfilled INTEGER NOT NULL DEFAULT 0,
    pieces_returned INTEGER NOT NULL DEFAULT 0,
    placed_at TEXT CHECK (placed_at IS NULL OR (placed_at >= '0001' AND datetime(substr(placed_at, 1, 19), '+0 days') IS substr(placed_at, 1, 19)
                     AND (length(placed_at) = 19 OR length(placed_at) = 23
                          AND placed_at GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND placed_at NOT GLOB '*.000'))),
    valid_until TEXT CHECK (valid_until IS NULL OR (valid_until >= '0001' AND datetime(substr(valid_until, 1, 19), '+0 days') IS substr(valid_until, 1, 19)
                     AND (length(valid_until) = 19 OR length(valid_until) = 23
                          AND valid_until GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND valid_until NOT GLOB '*.000'))),
    pay_by TEXT CHECK (pay_by IS NULL OR (pay_by >= '0001' AND datetime(substr(pay_by, 1, 19), '+0 days') IS substr(pay_by, 1, 19)
                     AND (length(pay_by) = 19 OR length(pay_by) = 23
                          AND pay_by GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND pay_by NOT GLOB '*.000'))),
    completed_at TEXT CHECK (completed_at IS NULL OR (completed_at >= '0001' AND datetime(substr(completed_at, 1, 19), '+0 days') IS substr(completed_at, 1, 19)
                     AND (length(completed_at) = 19 OR length(completed_at) = 23
                          AND completed_at GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND completed_at NOT GLOB '*.000'))),
    cancelled_at TEXT CHECK (cancelled_at IS NULL OR (cancelled_at >= '0001' AND datetime(substr(cancelled_at, 1, 19), '+0 days') IS substr(cancelled_at, 1, 19)
                     AND (length(cancelled_at) = 19 OR length(cancelled_at) = 23
                          AND cancelled_at GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND cancelled_at NOT GLOB '*.000'))),
    cancel_reason TEXT CHECK (length(cancel_reason) <= 500 AND trim(cancel_reason, char(9,10,11,12,13,32)) <> '' AND instr(cancel_reason, char(0)) = 0),
    payment_status TEXT NOT NULL GENERATED ALWAYS AS (CASE
        WHEN paid_amount - refunded_amount > CASE status WHEN 'cancelled' THEN 0 ELSE total_amount END THEN 'refund_due'
        WHEN paid_amount > 0 AND paid_amount = refunded_amount THEN 'refunded'
        WHEN status = 'cancelled' THEN 'void'
        WHEN paid_amount - refunded_amount = total_amount THEN 'paid'
        WHEN paid_amount > refunded_amount THEN 'partially_paid'
        ELSE 'unpaid' END) STORED,
    fulfilment_status TEXT NOT NULL GENERATED ALWAYS AS (CASE
        WHEN pieces = pieces_cancelled THEN 'none'
        WHEN pieces_fulfilled = 0 THEN 'unfulfilled'
        WHEN pieces_returned = pieces_fulfilled THEN 'returned'
        WHEN pieces_fulfilled + pieces_cancelled < pieces THEN 'partially_fulfilled'
        WHEN pieces_returned > 0 THEN 'partially_returned'
        ELSE 'fulfilled' END) STORED,
    CONSTRAINT orders_numbered CHECK ((status = 'draft') = (order_number IS NULL) AND (status = 'draft') = (placed_at IS NULL)),
    CONSTRAINT orders_sum CHECK (original_amount = items_amount - discount_amount + shipping_amount
               + CASE tax_mode WHEN 'added' THEN tax_amount ELSE 0 END + import_difference),
    CONSTRAINT orders_total CHECK (total_amount = original_amount - taken_back_amount - allowance_amount),
    CONSTRAINT orders_imported CHECK (source = 'import' OR import_difference = 0),
    CONSTRAINT orders_refunded CHECK (refunded_amount BETWEEN 0 AND paid_amount),
    CONSTRAINT orders_settled CHECK (status <> 'completed' OR paid_amount - refunded_amount >= total_amount),
    CONSTRAINT orders_cancelled CHECK (status <> 'cancelled' OR pieces_fulfilled = 0),
    CONSTRAINT orders_pieces CHECK (pieces_cancelled >= 0 AND pieces_returned BETWEEN 0 AND pieces_fulfilled
               AND pieces_cancelled + pieces_fulfilled <= pieces),
    CONSTRAINT orders_ends CHECK ((status = 'completed') = (completed_at IS NOT NULL) AND (status = 'cancelled') = (cancelled_at IS NOT NULL))
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
    discount_amount INTEGER NOT NULL DEFAULT 0,
    tax_amount INTEGER NOT NULL DEFAULT 0 CHECK (tax_amount >= 0),
    total_amount INTEGER NOT NULL DEFAULT 0 CHECK (total_amount >= 0),
    fulfilled INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    returned INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (order_id, line),
    CONSTRAINT order_items_counts CHECK (cancelled >= 0 AND returned BETWEEN 0 AND fulfilled AND fulfilled + cancelled <= quantity),
    CONSTRAINT order_items_discount CHECK (discount_amount BETWEEN 0 AND price * quantity)
) STRICT, WITHOUT ROWID;

INSERT INTO orders_new (id, order_number, customer_id, total_amount, status, payment_method, shipping_address, notes,
       version, created_at, updated_at, discount_amount, shipping_amount, tax_amount,
       placed_at, completed_at, cancelled_at, items_amount, tax_mode, original_amount, import_difference, paid_amount,
       pieces, pieces_fulfilled, pieces_cancelled)
SELECT id, order_number, customer_id, total_amount, status, payment_method, shipping_address, notes,
       version, created_at, updated_at, min(discount_amount, amount), shipping_amount, tax_amount,
       created_at, iif(status = 'completed', updated_at, NULL), iif(status = 'cancelled', updated_at, NULL),
       amount, iif(tax_amount > 0, 'added', 'none'), total_amount,
       total_amount - (amount - min(discount_amount, amount) + shipping_amount + tax_amount),
       iif(status = 'completed', total_amount, 0),
       wanted, iif(status = 'completed', wanted, 0), iif(status = 'cancelled', wanted, 0)
FROM (
    SELECT o.*, coalesce(sum(i.price * i.quantity), 0) AS amount, coalesce(sum(i.quantity), 0) AS wanted
    FROM orders o LEFT JOIN order_items i ON i.order_id = o.id GROUP BY o.id
);

INSERT INTO order_items_new (order_id, line, product_id, product_name, quantity, price,
       discount_amount, total_amount, fulfilled, cancelled)
SELECT order_id, line, product_id, product_name, quantity, price,
       max(0, min(amount, discount_amount - before)), amount - max(0, min(amount, discount_amount - before)),
       iif(status = 'completed', quantity, 0), iif(status = 'cancelled', quantity, 0)
FROM (
    SELECT i.*, i.price * i.quantity AS amount, o.discount_amount, o.status,
           coalesce(sum(i.price * i.quantity) OVER (
               PARTITION BY i.order_id ORDER BY i.line ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ), 0) AS before
    FROM order_items i JOIN orders_new o ON o.id = i.order_id
);

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
CREATE INDEX orders_by_time ON orders (created_at DESC, id DESC);
CREATE INDEX orders_by_status ON orders (status, created_at DESC, id DESC);
CREATE INDEX orders_by_total ON orders (total_amount, id);
CREATE UNIQUE INDEX orders_reference ON orders (customer_id, reference) WHERE reference IS NOT NULL;
-- What a customer has spent, from the index alone.
CREATE INDEX orders_spent ON orders (customer_id, total_amount) WHERE status IN ('pending', 'completed');
CREATE INDEX orders_pay_by ON orders (pay_by, id) WHERE status = 'pending' AND pay_by IS NOT NULL;
CREATE INDEX order_items_by_product ON order_items (product_id, order_id);

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

-- What came in and went out. Nothing changes or deletes a row.
CREATE TABLE payments (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    order_id    INTEGER NOT NULL REFERENCES orders (id),
    direction   TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    amount      INTEGER NOT NULL CHECK (amount > 0),
    method TEXT NOT NULL CHECK (length(method) <= 50 AND trim(method, char(9,10,11,12,13,32)) <> '' AND instr(method, char(0)) = 0),
    reference TEXT CHECK (length(reference) <= 100 AND trim(reference, char(9,10,11,12,13,32)) <> '' AND instr(reference, char(0)) = 0),
    reason TEXT CHECK (length(reason) <= 500 AND trim(reason, char(9,10,11,12,13,32)) <> '' AND instr(reason, char(0)) = 0),
    actor       TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 255 AND instr(actor, char(0)) = 0),
    received_at TEXT NOT NULL CHECK (received_at >= '0001' AND datetime(substr(received_at, 1, 19), '+0 days') IS substr(received_at, 1, 19)
                     AND (length(received_at) = 19 OR length(received_at) = 23
                          AND received_at GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND received_at NOT GLOB '*.000')),
    created_at TEXT NOT NULL CHECK (created_at >= '0001' AND datetime(substr(created_at, 1, 19), '+0 days') IS substr(created_at, 1, 19)
                     AND (length(created_at) = 19 OR length(created_at) = 23
                          AND created_at GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND created_at NOT GLOB '*.000'))
) STRICT;
CREATE INDEX payments_by_order ON payments (order_id, id);
-- One transfer is written down once.
CREATE UNIQUE INDEX payments_once ON payments (order_id, direction, method, reference) WHERE reference IS NOT NULL;

INSERT INTO payments (order_id, direction, amount, method, actor, received_at, created_at)
SELECT id, 'in', total_amount, coalesce(payment_method, 'unknown'), 'migration', updated_at, updated_at
FROM orders WHERE status = 'completed' AND total_amount > 0 ORDER BY id;

-- What left the house, and what came back.
CREATE TABLE fulfilments (
    id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    order_id        INTEGER NOT NULL REFERENCES orders (id),
    kind            TEXT NOT NULL CHECK (kind IN ('shipment', 'handover', 'return')),
    carrier TEXT CHECK (length(carrier) <= 100 AND trim(carrier, char(9,10,11,12,13,32)) <> '' AND instr(carrier, char(0)) = 0),
    tracking_number TEXT CHECK (length(tracking_number) <= 100 AND trim(tracking_number, char(9,10,11,12,13,32)) <> '' AND instr(tracking_number, char(0)) = 0),
    papers TEXT CHECK (papers IS NULL OR (json_valid(papers) AND json_type(papers) = 'object')),
    restock         INTEGER NOT NULL DEFAULT 0 CHECK (restock IN (0, 1)),
    reason TEXT CHECK (length(reason) <= 500 AND trim(reason, char(9,10,11,12,13,32)) <> '' AND instr(reason, char(0)) = 0),
    actor           TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 255 AND instr(actor, char(0)) = 0),
    created_at TEXT NOT NULL CHECK (created_at >= '0001' AND datetime(substr(created_at, 1, 19), '+0 days') IS substr(created_at, 1, 19)
                     AND (length(created_at) = 19 OR length(created_at) = 23
                          AND created_at GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND created_at NOT GLOB '*.000')),
    CONSTRAINT fulfilments_of_returns CHECK (kind = 'return' OR NOT restock)
) STRICT;
CREATE INDEX fulfilments_by_order ON fulfilments (order_id, id);

CREATE TABLE fulfilment_items (
    fulfilment_id INTEGER NOT NULL REFERENCES fulfilments (id),
    order_id      INTEGER NOT NULL,
    line          INTEGER NOT NULL,
    quantity      INTEGER NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (fulfilment_id, line),
    FOREIGN KEY (order_id, line) REFERENCES order_items (order_id, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX fulfilment_items_by_line ON fulfilment_items (order_id, line);

-- The serial numbers of pieces that left; one that came back can leave again.
CREATE TABLE order_serials (
    fulfilment_id INTEGER NOT NULL REFERENCES fulfilments (id),
    order_id      INTEGER NOT NULL,
    line          INTEGER NOT NULL,
    product_id TEXT NOT NULL
                 CHECK (length(product_id) BETWEEN 1 AND 50 AND instr(product_id, char(0)) = 0
                     AND product_id NOT GLOB '*[^A-Za-z0-9._-]*' AND product_id NOT IN ('.', '..')),
    serial TEXT NOT NULL CHECK (length(serial) <= 100 AND trim(serial, char(9,10,11,12,13,32)) <> '' AND instr(serial, char(0)) = 0),
    returned_by   INTEGER REFERENCES fulfilments (id),
    PRIMARY KEY (fulfilment_id, line, serial),
    FOREIGN KEY (order_id, line) REFERENCES order_items (order_id, line)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX order_serials_sold_once ON order_serials (product_id, serial) WHERE returned_by IS NULL;
CREATE INDEX order_serials_by_serial ON order_serials (serial);
CREATE INDEX order_serials_by_order ON order_serials (order_id, line);

-- What has happened, written by the transaction that made it happen. A dispatcher numbers them after
-- the commit: until then, `sequence` is NULL.
CREATE TABLE events (
    id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    sequence        INTEGER UNIQUE CHECK (sequence > 0),
    type            TEXT NOT NULL CHECK (length(type) BETWEEN 1 AND 60 AND instr(type, char(0)) = 0),
    subject         TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 80 AND instr(subject, char(0)) = 0),
    subject_version INTEGER NOT NULL CHECK (subject_version > 0),
    data            TEXT NOT NULL CHECK (json_valid(data) AND json_type(data) = 'object'),
    is_internal     INTEGER NOT NULL DEFAULT 0 CHECK (is_internal IN (0, 1)),
    actor           TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 255 AND instr(actor, char(0)) = 0),
    request_id      TEXT CHECK (length(request_id) BETWEEN 1 AND 128 AND instr(request_id, char(0)) = 0),
    created_at TEXT NOT NULL CHECK (created_at >= '0001' AND datetime(substr(created_at, 1, 19), '+0 days') IS substr(created_at, 1, 19)
                     AND (length(created_at) = 19 OR length(created_at) = 23
                          AND created_at GLOB '*:[0-9][0-9].[0-9][0-9][0-9]' AND created_at NOT GLOB '*.000'))
) STRICT;
CREATE INDEX events_unsequenced ON events (id) WHERE sequence IS NULL;
CREATE INDEX events_by_subject ON events (subject, id);
