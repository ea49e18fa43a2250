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
) WITHOUT ROWID;

-- A node renews the leases of its own sockets.
CREATE INDEX lease_node ON lease (node);
