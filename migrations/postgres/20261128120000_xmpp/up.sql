-- How the link of an XMPP account stands, for whoever asks on whatever node.
CREATE TABLE xmpp_link (
    tenant TEXT NOT NULL,
    account TEXT NOT NULL,
    node TEXT NOT NULL,
    state TEXT NOT NULL,                -- up, down
    code TEXT NOT NULL,                 -- why it is down, a word
    reason TEXT NOT NULL,               -- the same for people
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, account)
);

-- What is known of an agent's XMPP account.
CREATE TABLE xmpp_agent (
    tenant TEXT NOT NULL,
    account TEXT NOT NULL,
    agent TEXT NOT NULL,
    jid TEXT NOT NULL,                  -- [C]
    home TEXT NOT NULL,                 -- the address that subscribes
    subscription TEXT NOT NULL,         -- asked, granted, denied, invalid
    shown TEXT NOT NULL,                -- the presence that was followed last, empty while there is none
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, account, agent)
);

-- Which address an XMPP customer wrote to last: answers come from there.
CREATE TABLE xmpp_contact (
    tenant TEXT NOT NULL,
    account TEXT NOT NULL,
    jid TEXT NOT NULL,                  -- [C]
    local TEXT NOT NULL,
    PRIMARY KEY (tenant, account, jid)
);
