DROP INDEX lease_node;
DROP TABLE access_token;
