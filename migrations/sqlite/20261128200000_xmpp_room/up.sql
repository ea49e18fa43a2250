-- The rooms that are open on the rooms service of an XMPP account: whichever node has the link next goes on with them.
CREATE TABLE xmpp_room (
    tenant TEXT NOT NULL,
    account TEXT NOT NULL,
    room TEXT NOT NULL,                 -- its address [C]
    agent TEXT NOT NULL,                -- whose it is: who answers, or who watches
    session TEXT NOT NULL,
    conv TEXT NOT NULL,
    watched BOOLEAN NOT NULL,           -- opened by somebody who watches
    channel TEXT NOT NULL,              -- the customer's
    name TEXT NOT NULL,                 -- the customer's, in the room
    nick TEXT NOT NULL,                 -- the agent's, in the room; empty before the agent has come
    guests TEXT NOT NULL,               -- addresses of those who were invited, one a line
    PRIMARY KEY (tenant, account, room)
) WITHOUT ROWID;
