DELETE FROM outbox WHERE data = '';  -- nobody would know that the details are elsewhere
ALTER TABLE outbox DROP CONSTRAINT outbox_pkey;
ALTER TABLE outbox ADD PRIMARY KEY (tenant, id);
CREATE INDEX outbox_order ON outbox (rowid);
