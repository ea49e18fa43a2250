-- Less to write for each message.

-- Events are found by their place alone: no second tree for ids that nobody looks up. What is told of a message is in
-- its own row: `data` is empty then.
CREATE TABLE outbox_lean (
    rowid INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    session TEXT,
    sequence BIGINT,
    node TEXT NOT NULL,
    data TEXT NOT NULL,                 -- [C] JSON: what happened
    at BIGINT NOT NULL
);
INSERT INTO outbox_lean SELECT rowid, tenant, id, kind, subject, session, sequence, node, data, at FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_lean RENAME TO outbox;
