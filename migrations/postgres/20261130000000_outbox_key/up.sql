-- The tenant is in the key, so that the table can be spread by it like all others. Second, because events of all tenants
-- leave in the order in which they were written.
ALTER TABLE outbox DROP CONSTRAINT outbox_pkey;
ALTER TABLE outbox ADD PRIMARY KEY (rowid, tenant);
