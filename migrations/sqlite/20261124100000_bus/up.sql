-- What the bus needs: events in columns, duties that one node has at a time, the outcome of orders.

-- An event's parts, so that the relay can address it without reading it.
ALTER TABLE outbox RENAME COLUMN event TO data;            -- [C] JSON: what happened
ALTER TABLE outbox ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN session TEXT;
ALTER TABLE outbox ADD COLUMN sequence BIGINT;
ALTER TABLE outbox ADD COLUMN node TEXT NOT NULL DEFAULT '';
UPDATE outbox SET
    kind = json_extract(data, '$.kind'),
    session = json_extract(data, '$.session'),
    sequence = json_extract(data, '$.sequence'),
    subject = CASE WHEN json_extract(data, '$.session') IS NULL THEN 'tenant/' || tenant
        ELSE 'session/' || json_extract(data, '$.session') END,
    node = 'unknown',
    data = json_extract(data, '$.data');

-- What only one node does at a time. `term` tells one holding from the next. Of no tenant.
CREATE TABLE duty (
    name TEXT NOT NULL,
    node TEXT NOT NULL,
    term BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (name)
) WITHOUT ROWID;

-- What became of an order of another module: the key makes a repeated order harmless.
CREATE TABLE order_result (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    digest TEXT NOT NULL,               -- of the order, to tell a repetition from another order
    reply TEXT NOT NULL,                -- JSON
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX order_result_at ON order_result (at);
