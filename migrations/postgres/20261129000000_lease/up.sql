-- A node renews the leases of its own sockets a portion at a time, those that end first.
DROP INDEX lease_node;
CREATE INDEX lease_node ON lease (node, until);
