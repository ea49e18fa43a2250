DROP TABLE order_result;
DROP TABLE duty;
ALTER TABLE outbox DROP COLUMN node;
ALTER TABLE outbox DROP COLUMN sequence;
ALTER TABLE outbox DROP COLUMN session;
ALTER TABLE outbox DROP COLUMN subject;
ALTER TABLE outbox DROP COLUMN kind;
ALTER TABLE outbox RENAME COLUMN data TO event;
