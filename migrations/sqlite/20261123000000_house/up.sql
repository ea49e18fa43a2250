-- The tenant leads every primary and unique key. Times are milliseconds since the epoch, UTC.
-- Personal data is marked: [P] names or identifies a customer, [C] is what was said, [S] is sealed.

CREATE TABLE tenant (
    tenant TEXT NOT NULL,
    body TEXT NOT NULL,                 -- [S] the declaration, secrets sealed
    version BIGINT NOT NULL,
    applied_at BIGINT NOT NULL,
    PRIMARY KEY (tenant)
);

CREATE TABLE agent (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    login TEXT NOT NULL,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- chosen state
    status TEXT NOT NULL,
    reason TEXT,
    -- routing state; capacity and load count chats
    capacity INTEGER NOT NULL,
    load INTEGER NOT NULL,
    online BOOLEAN NOT NULL,
    not_before BIGINT NOT NULL,
    misses INTEGER NOT NULL,
    last_offer_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, agent)
);
CREATE UNIQUE INDEX agent_login ON agent (tenant, login);

CREATE TABLE agent_queue (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    queue TEXT NOT NULL,
    PRIMARY KEY (tenant, agent, queue)
) WITHOUT ROWID;

CREATE TABLE login (
    tenant TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    agent TEXT NOT NULL,
    csrf TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, token_hash)
) WITHOUT ROWID;

-- One-time tickets and resume tokens: who may open a socket.
CREATE TABLE pass (
    tenant TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    kind TEXT NOT NULL,
    party TEXT NOT NULL,                -- JSON: who
    device TEXT,
    login_hash TEXT,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, token_hash)
) WITHOUT ROWID;
CREATE INDEX pass_expiry ON pass (expires_at);

CREATE TABLE contact (
    tenant TEXT NOT NULL,
    contact TEXT NOT NULL,
    name TEXT,                          -- [P]
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, contact)
) WITHOUT ROWID;

CREATE TABLE identity (
    tenant TEXT NOT NULL,
    account TEXT NOT NULL,
    external_id TEXT NOT NULL,          -- [P]
    contact TEXT NOT NULL,
    conv TEXT NOT NULL,
    subscribed BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, account, external_id)
) WITHOUT ROWID;

CREATE TABLE conversation (
    tenant TEXT NOT NULL,
    conv TEXT NOT NULL,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    contact TEXT NOT NULL,
    external_id TEXT NOT NULL,          -- [P]
    epoch TEXT NOT NULL,
    last_seq BIGINT NOT NULL,
    window_left INTEGER NOT NULL,
    window_until BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, conv)
) WITHOUT ROWID;

CREATE INDEX conversation_contact ON conversation (tenant, contact, account);

CREATE TABLE session (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    conv TEXT NOT NULL,
    state TEXT NOT NULL,
    holder TEXT NOT NULL,
    agent TEXT,
    control_epoch BIGINT NOT NULL,
    queue TEXT,
    last_agent TEXT,
    reopened_from TEXT,
    transfer TEXT,                      -- JSON: a transfer under way
    tags TEXT NOT NULL,                 -- JSON array
    greeted BOOLEAN NOT NULL,
    started_at BIGINT NOT NULL,
    queued_at BIGINT,
    connected_at BIGINT,
    first_reply_at BIGINT,
    ended_at BIGINT,
    ended_by TEXT,
    ended_reason TEXT,
    version BIGINT NOT NULL,
    event_seq BIGINT NOT NULL,
    PRIMARY KEY (tenant, session)
) WITHOUT ROWID;
CREATE UNIQUE INDEX session_open ON session (tenant, conv) WHERE ended_at IS NULL;
CREATE INDEX session_conv ON session (tenant, conv, started_at);

CREATE TABLE message (
    tenant TEXT NOT NULL,
    conv TEXT NOT NULL,
    seq BIGINT NOT NULL,
    id TEXT NOT NULL,
    session TEXT,
    ts BIGINT NOT NULL,
    role TEXT NOT NULL,
    sender TEXT NOT NULL,
    sender_name TEXT,                   -- [P]
    visibility TEXT NOT NULL,
    content TEXT NOT NULL,              -- [C] JSON: type and body
    device TEXT,
    cid TEXT,
    reply_to TEXT,
    replaces TEXT,
    ext_id TEXT,
    raw_type TEXT,
    control_epoch BIGINT NOT NULL,
    PRIMARY KEY (tenant, conv, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX message_id ON message (tenant, id);
CREATE UNIQUE INDEX message_cid ON message (tenant, device, cid) WHERE cid IS NOT NULL;

-- What channels delivered: the constraint that makes a repeated delivery harmless.
CREATE TABLE inbox (
    tenant TEXT NOT NULL,
    account TEXT NOT NULL,
    dedupe TEXT NOT NULL,
    answer TEXT NOT NULL,               -- JSON: what the channel was told
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, account, dedupe)
) WITHOUT ROWID;
CREATE INDEX inbox_at ON inbox (at);

-- How far each participant's device has come.
CREATE TABLE reader (
    tenant TEXT NOT NULL,
    conv TEXT NOT NULL,
    participant TEXT NOT NULL,
    device TEXT NOT NULL,
    delivered BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    PRIMARY KEY (tenant, conv, participant, device)
) WITHOUT ROWID;

-- Events for other modules, written with the change that they report. They leave in the order of the row numbers:
-- ids of one millisecond have none.
CREATE TABLE outbox (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    event TEXT NOT NULL,                -- JSON
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Messages on their way out through a channel that is called.
CREATE TABLE delivery (
    tenant TEXT NOT NULL,
    conv TEXT NOT NULL,
    seq BIGINT NOT NULL,
    account TEXT NOT NULL,
    state TEXT NOT NULL,
    part INTEGER NOT NULL,              -- parts of it already sent
    attempts INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    code TEXT,
    detail TEXT,
    PRIMARY KEY (tenant, conv, seq)
) WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (next_at);  -- what is settled or held is never due
CREATE INDEX delivery_state ON delivery (tenant, conv, state);

CREATE TABLE queue_entry (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    conv TEXT NOT NULL,
    queue TEXT NOT NULL,
    state TEXT NOT NULL,                -- waiting, offered
    priority INTEGER NOT NULL,
    enqueued_at BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    PRIMARY KEY (tenant, session)
) WITHOUT ROWID;
CREATE INDEX queue_order ON queue_entry (tenant, queue, state, priority DESC, enqueued_at);

CREATE TABLE exclusion (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    agent TEXT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (tenant, session, agent)
) WITHOUT ROWID;

CREATE TABLE assignment (
    tenant TEXT NOT NULL,
    assignment TEXT NOT NULL,
    session TEXT NOT NULL,
    conv TEXT NOT NULL,
    agent TEXT NOT NULL,
    state TEXT NOT NULL,                -- offered, active, wrapup, done, rejected, expired, revoked, lost
    queue TEXT,
    token TEXT NOT NULL,
    offered_at BIGINT NOT NULL,
    deadline BIGINT NOT NULL,
    accepted_at BIGINT,
    ended_at BIGINT,
    reason TEXT,
    disposition TEXT,
    transfer_from TEXT,
    PRIMARY KEY (tenant, assignment)
) WITHOUT ROWID;
CREATE UNIQUE INDEX assignment_active ON assignment (tenant, session) WHERE state = 'active';
CREATE UNIQUE INDEX assignment_offered ON assignment (tenant, session) WHERE state = 'offered';
CREATE INDEX assignment_agent ON assignment (tenant, agent, state);
CREATE INDEX assignment_session ON assignment (tenant, session);
CREATE INDEX assignment_conv ON assignment (tenant, conv, agent);

CREATE TABLE timer (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    due BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant, kind, subject)
) WITHOUT ROWID;
CREATE INDEX timer_due ON timer (due);

-- Which sockets are open, where. A lease that is not renewed ends.
CREATE TABLE lease (
    tenant TEXT NOT NULL,
    participant TEXT NOT NULL,
    device TEXT NOT NULL,
    connection TEXT NOT NULL,
    node TEXT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (tenant, participant, device)
) WITHOUT ROWID;
CREATE INDEX lease_until ON lease (until);

CREATE TABLE media (
    tenant TEXT NOT NULL,
    media TEXT NOT NULL,
    state TEXT NOT NULL,                -- pending, ready, failed
    mime TEXT NOT NULL,
    name TEXT,
    size BIGINT,
    owner TEXT,                         -- who uploads it
    conv TEXT,
    seq BIGINT,
    account TEXT,                       -- where to fetch it
    remote TEXT,
    attempts INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, media)
) WITHOUT ROWID;
CREATE INDEX media_due ON media (state, next_at);

-- Authenticated but unusable input, kept for a week for whoever has to find out why.
CREATE TABLE quarantine (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    account TEXT NOT NULL,
    reason TEXT NOT NULL,
    body TEXT NOT NULL,                 -- [S][C]
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
