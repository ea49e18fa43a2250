-- Less to write for each message.

-- Events are found by their place alone: no second tree for ids that nobody looks up. What is told of a message is in
-- its own row: `data` is empty then.
DROP INDEX outbox_order;
ALTER TABLE outbox DROP CONSTRAINT outbox_pkey;
ALTER TABLE outbox ADD PRIMARY KEY (rowid);
