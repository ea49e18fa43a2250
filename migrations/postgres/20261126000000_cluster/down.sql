ALTER TABLE conversation RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE delivery RESET (autovacuum_vacuum_scale_factor);
ALTER TABLE lease RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
ALTER TABLE queue_entry RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
ALTER TABLE timer RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
ALTER TABLE outbox RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
DROP INDEX lease_node;
DROP TABLE access_token;
