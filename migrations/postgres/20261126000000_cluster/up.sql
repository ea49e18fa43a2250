-- The access token of each account on a platform that is called, shared by all nodes, and which of them is fetching one.
CREATE TABLE access_token (
    tenant TEXT NOT NULL,
    account TEXT NOT NULL,
    app TEXT NOT NULL,                  -- the account's own id on the platform
    token TEXT,                         -- [S]
    due BIGINT NOT NULL,                -- when it should be replaced
    expires BIGINT NOT NULL,
    replaced_at BIGINT NOT NULL,        -- when one that the platform refused was last replaced
    holder TEXT NOT NULL,               -- the node that fetches one
    until BIGINT NOT NULL,              -- as long as nobody else may
    forced INTEGER NOT NULL,            -- forced refreshes since then
    forced_since BIGINT NOT NULL,
    PRIMARY KEY (tenant, account, app)
);

-- A node renews the leases of its own sockets.
CREATE INDEX lease_node ON lease (node);

-- Rows of these come and go: what is dead in them must not have to be read past. By count, since the tables are short
-- when all is well.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE timer SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE queue_entry SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
ALTER TABLE lease SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE delivery SET (autovacuum_vacuum_scale_factor = 0.02);
-- Changed with every message: room on the page keeps its indexes as they are.
ALTER TABLE conversation SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
