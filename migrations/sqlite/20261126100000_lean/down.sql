CREATE TABLE outbox_wide (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    data TEXT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL DEFAULT '',
    subject TEXT NOT NULL DEFAULT '',
    session TEXT,
    sequence BIGINT,
    node TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id)
);
-- Without those whose details are elsewhere: nobody would know.
INSERT INTO outbox_wide (rowid, tenant, id, data, at, kind, subject, session, sequence, node)
    SELECT rowid, tenant, id, data, at, kind, subject, session, sequence, node FROM outbox WHERE data <> '';
DROP TABLE outbox;
ALTER TABLE outbox_wide RENAME TO outbox;
