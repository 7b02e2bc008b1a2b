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

ALTER TABLE orders DROP CONSTRAINT orders_status_check;
ALTER TABLE orders ALTER COLUMN order_number DROP NOT NULL;
ALTER TABLE orders
    ADD COLUMN source VARCHAR(10) NOT NULL DEFAULT 'import' CHECK (source IN ('import', 'api')),
    ADD COLUMN currency VARCHAR(3) CHECK (currency ~ '^[A-Z]{3}$'),
    ADD COLUMN reference VARCHAR(100) COLLATE "C" CHECK (btrim(reference, E' \t\n\r\f\x0b') <> ''),
    ADD COLUMN items_amount BIGINT NOT NULL DEFAULT 0 CHECK (items_amount >= 0),
    ADD COLUMN discount_tier VARCHAR(20) CHECK (discount_tier IN ('bronze', 'silver', 'gold', 'platinum')),
    ADD COLUMN discount_rate INTEGER NOT NULL DEFAULT 0 CHECK (discount_rate BETWEEN 0 AND 10000),
    ADD COLUMN tax_mode VARCHAR(8) NOT NULL DEFAULT 'none' CHECK (tax_mode IN ('none', 'included', 'added')),
    ADD COLUMN tax_rate INTEGER NOT NULL DEFAULT 0 CHECK (tax_rate BETWEEN 0 AND 10000),
    ADD COLUMN tax_exempt_reason VARCHAR(500) CHECK (btrim(tax_exempt_reason, E' \t\n\r\f\x0b') <> ''),
    ADD COLUMN original_amount BIGINT NOT NULL DEFAULT 0 CHECK (original_amount >= 0),
    ADD COLUMN taken_back_amount BIGINT NOT NULL DEFAULT 0 CHECK (taken_back_amount >= 0),
    ADD COLUMN allowance_amount BIGINT NOT NULL DEFAULT 0 CHECK (allowance_amount >= 0),
    ADD COLUMN import_difference BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN paid_amount BIGINT NOT NULL DEFAULT 0 CHECK (paid_amount >= 0),
    ADD COLUMN refunded_amount BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN pieces BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN pieces_cancelled BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN pieces_fulfilled BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN pieces_returned BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN placed_at TIMESTAMP CHECK (placed_at >= '0001-01-01' AND placed_at < '10000-01-01' AND placed_at = date_trunc('milliseconds', placed_at)),
    ADD COLUMN valid_until TIMESTAMP CHECK (valid_until >= '0001-01-01' AND valid_until < '10000-01-01' AND valid_until = date_trunc('milliseconds', valid_until)),
    ADD COLUMN pay_by TIMESTAMP CHECK (pay_by >= '0001-01-01' AND pay_by < '10000-01-01' AND pay_by = date_trunc('milliseconds', pay_by)),
    ADD COLUMN completed_at TIMESTAMP CHECK (completed_at >= '0001-01-01' AND completed_at < '10000-01-01' AND completed_at = date_trunc('milliseconds', completed_at)),
    ADD COLUMN cancelled_at TIMESTAMP CHECK (cancelled_at >= '0001-01-01' AND cancelled_at < '10000-01-01' AND cancelled_at = date_trunc('milliseconds', cancelled_at)),
    ADD COLUMN cancel_reason VARCHAR(500) CHECK (btrim(cancel_reason, E' \t\n\r\f\x0b') <> '');

ALTER TABLE order_items
    ADD COLUMN discount_amount BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN tax_amount BIGINT NOT NULL DEFAULT 0 CHECK (tax_amount >= 0),
    ADD COLUMN total_amount BIGINT NOT NULL DEFAULT 0 CHECK (total_amount >= 0),
    ADD COLUMN fulfilled INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN returned INTEGER NOT NULL DEFAULT 0;

UPDATE order_items SET
    discount_amount = greatest(0, least(lines.amount, lines.discount_amount - lines.before)),
    total_amount = lines.amount - greatest(0, least(lines.amount, lines.discount_amount - lines.before)),
    fulfilled = CASE lines.status WHEN 'completed' THEN quantity ELSE 0 END,
    cancelled = CASE lines.status WHEN 'cancelled' THEN quantity ELSE 0 END
FROM (
    SELECT i.order_id, i.line, i.price * i.quantity AS amount, o.discount_amount, o.status,
           coalesce(sum(i.price * i.quantity) OVER (
               PARTITION BY i.order_id ORDER BY i.line ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ), 0) AS before
    FROM order_items i JOIN orders o ON o.id = i.order_id
) AS lines
WHERE lines.order_id = order_items.order_id AND lines.line = order_items.line;

UPDATE orders SET
    placed_at = created_at,
    completed_at = CASE status WHEN 'completed' THEN updated_at END,
    cancelled_at = CASE status WHEN 'cancelled' THEN updated_at END,
    items_amount = sums.amount,
    discount_amount = sums.discount,
    tax_mode = CASE WHEN tax_amount > 0 THEN 'added' ELSE 'none' END,
    original_amount = total_amount,
    import_difference = total_amount - (sums.amount - sums.discount + shipping_amount + tax_amount),
    paid_amount = CASE status WHEN 'completed' THEN total_amount ELSE 0 END,
    pieces = sums.pieces,
    pieces_fulfilled = sums.fulfilled,
    pieces_cancelled = sums.cancelled
FROM (
    SELECT o.id, coalesce(sum(i.price * i.quantity), 0) AS amount, coalesce(sum(i.discount_amount), 0) AS discount,
           coalesce(sum(i.quantity), 0) AS pieces, coalesce(sum(i.fulfilled), 0) AS fulfilled,
           coalesce(sum(i.cancelled), 0) AS cancelled
    FROM orders o LEFT JOIN order_items i ON i.order_id = o.id GROUP BY o.id
) AS sums
WHERE sums.id = orders.id;

ALTER TABLE orders
    ADD CONSTRAINT orders_status_check CHECK (status IN ('draft', 'pending', 'completed', 'cancelled')),
    ADD CONSTRAINT orders_numbered CHECK ((status = 'draft') = (order_number IS NULL) AND (status = 'draft') = (placed_at IS NULL)),
    ADD CONSTRAINT orders_sum CHECK (original_amount = items_amount - discount_amount + shipping_amount
               + CASE tax_mode WHEN 'added' THEN tax_amount ELSE 0 END + import_difference),
    ADD CONSTRAINT orders_total CHECK (total_amount = original_amount - taken_back_amount - allowance_amount),
    ADD CONSTRAINT orders_imported CHECK (source = 'import' OR import_difference = 0),
    ADD CONSTRAINT orders_refunded CHECK (refunded_amount BETWEEN 0 AND paid_amount),
    ADD CONSTRAINT orders_settled CHECK (status <> 'completed' OR paid_amount - refunded_amount >= total_amount),
    ADD CONSTRAINT orders_cancelled CHECK (status <> 'cancelled' OR pieces_fulfilled = 0),
    ADD CONSTRAINT orders_pieces CHECK (pieces_cancelled >= 0 AND pieces_returned BETWEEN 0 AND pieces_fulfilled
               AND pieces_cancelled + pieces_fulfilled <= pieces),
    ADD CONSTRAINT orders_ends CHECK ((status = 'completed') = (completed_at IS NOT NULL) AND (status = 'cancelled') = (cancelled_at IS NOT NULL)),
    ADD COLUMN payment_status VARCHAR(16) NOT NULL GENERATED ALWAYS AS (CASE
        WHEN paid_amount - refunded_amount > CASE status WHEN 'cancelled' THEN 0 ELSE total_amount END THEN 'refund_due'
        WHEN paid_amount > 0 AND paid_amount = refunded_amount THEN 'refunded'
        WHEN status = 'cancelled' THEN 'void'
        WHEN paid_amount - refunded_amount = total_amount THEN 'paid'
        WHEN paid_amount > refunded_amount THEN 'partially_paid'
        ELSE 'unpaid' END) STORED,
    ADD COLUMN fulfilment_status VARCHAR(20) NOT NULL GENERATED ALWAYS AS (CASE
        WHEN pieces = pieces_cancelled THEN 'none'
        WHEN pieces_fulfilled = 0 THEN 'unfulfilled'
        WHEN pieces_returned = pieces_fulfilled THEN 'returned'
        WHEN pieces_fulfilled + pieces_cancelled < pieces THEN 'partially_fulfilled'
        WHEN pieces_returned > 0 THEN 'partially_returned'
        ELSE 'fulfilled' END) STORED;

ALTER TABLE order_items
    ADD CONSTRAINT order_items_counts CHECK (cancelled >= 0 AND returned BETWEEN 0 AND fulfilled AND fulfilled + cancelled <= quantity),
    ADD CONSTRAINT order_items_discount CHECK (discount_amount BETWEEN 0 AND price * quantity);

CREATE INDEX orders_by_time ON orders (created_at DESC, id DESC);
CREATE INDEX orders_by_status ON orders (status, created_at DESC, id DESC);
CREATE INDEX orders_by_total ON orders (total_amount, id);
CREATE UNIQUE INDEX orders_reference ON orders (customer_id, reference) WHERE reference IS NOT NULL;
-- What a customer has spent, from the index alone.
CREATE INDEX orders_spent ON orders (customer_id, total_amount) WHERE status IN ('pending', 'completed');
CREATE INDEX orders_pay_by ON orders (pay_by, id) WHERE status = 'pending' AND pay_by IS NOT NULL;
CREATE INDEX order_items_by_product ON order_items (product_id, order_id);

-- What came in and went out. Nothing changes or deletes a row.
CREATE TABLE payments (
    id          BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY CHECK (id > 0),
    order_id    BIGINT NOT NULL REFERENCES orders (id),
    direction   VARCHAR(3) NOT NULL CHECK (direction IN ('in', 'out')),
    amount      BIGINT NOT NULL CHECK (amount > 0),
    method VARCHAR(50) NOT NULL CHECK (btrim(method, E' \t\n\r\f\x0b') <> ''),
    reference   VARCHAR(100) COLLATE "C" CHECK (btrim(reference, E' \t\n\r\f\x0b') <> ''),
    reason VARCHAR(500) CHECK (btrim(reason, E' \t\n\r\f\x0b') <> ''),
    actor       VARCHAR(255) NOT NULL CHECK (actor <> ''),
    received_at TIMESTAMP NOT NULL CHECK (received_at >= '0001-01-01' AND received_at < '10000-01-01' AND received_at = date_trunc('milliseconds', received_at)),
    created_at TIMESTAMP NOT NULL CHECK (created_at >= '0001-01-01' AND created_at < '10000-01-01' AND created_at = date_trunc('milliseconds', created_at))
);
CREATE INDEX payments_by_order ON payments (order_id, id);
-- One transfer is written down once.
CREATE UNIQUE INDEX payments_once ON payments (order_id, direction, method, reference) WHERE reference IS NOT NULL;

INSERT INTO payments (order_id, direction, amount, method, actor, received_at, created_at)
SELECT id, 'in', total_amount, coalesce(payment_method, 'unknown'), 'migration', updated_at, updated_at
FROM orders WHERE status = 'completed' AND total_amount > 0 ORDER BY id;

-- What left the house, and what came back.
CREATE TABLE fulfilments (
    id              BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY CHECK (id > 0),
    order_id        BIGINT NOT NULL REFERENCES orders (id),
    kind            VARCHAR(8) NOT NULL CHECK (kind IN ('shipment', 'handover', 'return')),
    carrier VARCHAR(100) CHECK (btrim(carrier, E' \t\n\r\f\x0b') <> ''),
    tracking_number VARCHAR(100) CHECK (btrim(tracking_number, E' \t\n\r\f\x0b') <> ''),
    papers          JSONB CHECK (jsonb_typeof(papers) = 'object'),
    restock         BOOLEAN NOT NULL DEFAULT FALSE,
    reason VARCHAR(500) CHECK (btrim(reason, E' \t\n\r\f\x0b') <> ''),
    actor           VARCHAR(255) NOT NULL CHECK (actor <> ''),
    created_at TIMESTAMP NOT NULL CHECK (created_at >= '0001-01-01' AND created_at < '10000-01-01' AND created_at = date_trunc('milliseconds', created_at)),
    CONSTRAINT fulfilments_of_returns CHECK (kind = 'return' OR NOT restock)
);
CREATE INDEX fulfilments_by_order ON fulfilments (order_id, id);

CREATE TABLE fulfilment_items (
    fulfilment_id BIGINT NOT NULL REFERENCES fulfilments (id),
    order_id      BIGINT NOT NULL,
    line          INTEGER NOT NULL,
    quantity      INTEGER NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (fulfilment_id, line),
    FOREIGN KEY (order_id, line) REFERENCES order_items (order_id, line)
);
CREATE INDEX fulfilment_items_by_line ON fulfilment_items (order_id, line);

-- The serial numbers of pieces that left; one that came back can leave again.
CREATE TABLE order_serials (
    fulfilment_id BIGINT NOT NULL REFERENCES fulfilments (id),
    order_id      BIGINT NOT NULL,
    line          INTEGER NOT NULL,
    product_id    VARCHAR(50) COLLATE "C" NOT NULL
                  CHECK (product_id ~ '^[A-Za-z0-9._-]{1,50}$' AND product_id NOT IN ('.', '..')),
    serial        VARCHAR(100) COLLATE "C" NOT NULL CHECK (btrim(serial, E' \t\n\r\f\x0b') <> ''),
    returned_by   BIGINT REFERENCES fulfilments (id),
    PRIMARY KEY (fulfilment_id, line, serial),
    FOREIGN KEY (order_id, line) REFERENCES order_items (order_id, line)
);
CREATE UNIQUE INDEX order_serials_sold_once ON order_serials (product_id, serial) WHERE returned_by IS NULL;
CREATE INDEX order_serials_by_serial ON order_serials (serial);
CREATE INDEX order_serials_by_order ON order_serials (order_id, line);

-- What has happened, written by the transaction that made it happen. A dispatcher numbers them after
-- the commit: until then, `sequence` is NULL.
CREATE TABLE events (
    id              BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY CHECK (id > 0),
    sequence        BIGINT UNIQUE CHECK (sequence > 0),
    type            VARCHAR(60) NOT NULL CHECK (type <> ''),
    subject         VARCHAR(80) COLLATE "C" NOT NULL CHECK (subject <> ''),
    subject_version BIGINT NOT NULL CHECK (subject_version > 0),
    data            JSONB NOT NULL CHECK (jsonb_typeof(data) = 'object'),
    is_internal     BOOLEAN NOT NULL DEFAULT FALSE,
    actor           VARCHAR(255) NOT NULL CHECK (actor <> ''),
    request_id      VARCHAR(128) CHECK (request_id <> ''),
    created_at TIMESTAMP NOT NULL CHECK (created_at >= '0001-01-01' AND created_at < '10000-01-01' AND created_at = date_trunc('milliseconds', created_at))
);
CREATE INDEX events_unsequenced ON events (id) WHERE sequence IS NULL;
CREATE INDEX events_by_subject ON events (subject, id);
