-- A node gives one sign of life for all of its sockets. Its leases are dead with it, whatever `until` says: that one is for
-- releases that renew each lease, and for what such a release leaves behind.
CREATE TABLE node (
    id TEXT PRIMARY KEY,
    seen BIGINT NOT NULL
);
