DROP TABLE xmpp_room;
