CREATE TABLE outbox_by_id (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    event TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
INSERT INTO outbox_by_id (tenant, id, event, at) SELECT tenant, id, event, at FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_by_id RENAME TO outbox;
CREATE INDEX outbox_order ON outbox (id);
