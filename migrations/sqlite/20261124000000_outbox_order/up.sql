-- Events leave in the order in which they were written: ids of one millisecond have no order, row numbers have.
CREATE TABLE outbox_in_order (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    event TEXT NOT NULL,                -- JSON
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
INSERT INTO outbox_in_order (tenant, id, event, at) SELECT tenant, id, event, at FROM outbox ORDER BY at, id;
DROP TABLE outbox;
ALTER TABLE outbox_in_order RENAME TO outbox;
