DROP TABLE xmpp_contact; DROP TABLE xmpp_agent; DROP TABLE xmpp_link;
