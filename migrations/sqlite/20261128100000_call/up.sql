-- Audio and video calls. What goes from browser to browser is not in here, but for what a socket that was lost has missed.

CREATE TABLE call (
    tenant TEXT NOT NULL,
    call TEXT NOT NULL,
    session TEXT NOT NULL,
    conv TEXT NOT NULL,
    contact TEXT NOT NULL,
    agent TEXT NOT NULL,
    state TEXT NOT NULL,
    invited_at BIGINT NOT NULL,
    connected_at BIGINT,
    ended_at BIGINT,
    ended_reason TEXT,
    talk_ms BIGINT NOT NULL,
    body TEXT NOT NULL,                 -- JSON: everything that the rules and the call's record need
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant, call)
) WITHOUT ROWID;
CREATE UNIQUE INDEX call_session_live ON call (tenant, session) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX call_agent_live ON call (tenant, agent) WHERE ended_at IS NULL;
CREATE INDEX call_contact_live ON call (tenant, contact) WHERE ended_at IS NULL;
CREATE INDEX call_live ON call (invited_at) WHERE ended_at IS NULL;
CREATE INDEX call_session ON call (tenant, session, invited_at);

-- What one side has said about its media last. Gone with the end of the call.
CREATE TABLE call_side (
    tenant TEXT NOT NULL,
    call TEXT NOT NULL,
    side TEXT NOT NULL,                 -- agent, contact
    leg BIGINT NOT NULL,
    n BIGINT NOT NULL,                  -- the newest that it has sent in this leg
    desc_n BIGINT,
    desc_type TEXT,                     -- offer, answer
    sdp TEXT,                           -- [P] addresses
    ice TEXT NOT NULL,                  -- [P] JSON: candidates, the newest at most
    ice_count BIGINT NOT NULL,          -- since the last description
    PRIMARY KEY (tenant, call, side)
) WITHOUT ROWID;

-- A recording by the agent's browser: chunks under way, a blob at last.
CREATE TABLE call_recording (
    tenant TEXT NOT NULL,
    recording TEXT NOT NULL,
    call TEXT NOT NULL,
    agent TEXT NOT NULL,
    media TEXT NOT NULL,
    mime TEXT NOT NULL,
    chunks BIGINT NOT NULL,
    size BIGINT NOT NULL,
    ms BIGINT,
    sha256 TEXT,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (tenant, recording)
) WITHOUT ROWID;
CREATE INDEX call_recording_open ON call_recording (started_at) WHERE ended_at IS NULL;
CREATE INDEX call_recording_call ON call_recording (tenant, call);

-- A customer who waits in a queue for an agent who takes calls, and the device that asked.
CREATE TABLE call_wish (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    device TEXT NOT NULL,
    video BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, session)
) WITHOUT ROWID;
