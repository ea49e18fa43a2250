-- Events leave in the order in which they were written: ids of one millisecond have no order, row numbers have.
-- The name is the one that SQLite gives to its own row numbers.
ALTER TABLE outbox ADD COLUMN rowid BIGINT GENERATED ALWAYS AS IDENTITY;
DROP INDEX outbox_order;
CREATE INDEX outbox_order ON outbox (rowid);
