DROP INDEX outbox_order;
ALTER TABLE outbox DROP COLUMN rowid;
CREATE INDEX outbox_order ON outbox (id);
