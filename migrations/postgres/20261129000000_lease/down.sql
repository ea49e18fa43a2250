DROP INDEX lease_node;
CREATE INDEX lease_node ON lease (node);
