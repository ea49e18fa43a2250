-- Robots and multi-step forms: what they know, what they remember of a session, what they still have to do.

CREATE TABLE faq (
    tenant TEXT NOT NULL,
    faq TEXT NOT NULL,
    kind TEXT NOT NULL,                 -- faq, chitchat
    question TEXT NOT NULL,
    wordings TEXT NOT NULL,             -- JSON array: other wordings
    answer TEXT NOT NULL,
    leads TEXT,                         -- flow:<id>, handoff or handoff:<queue>: in place of an answer
    category TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    valid_from BIGINT,
    valid_to BIGINT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, faq)
);

-- The words of a tenant's trade. The version grows with every change of the question base, too.
CREATE TABLE knowledge (
    tenant TEXT NOT NULL,
    words TEXT NOT NULL,                -- JSON array
    synonyms TEXT NOT NULL,             -- JSON array of arrays
    weights TEXT,                       -- JSON: of the tenant's own calibration
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant)
);

-- What the robot of a session remembers.
CREATE TABLE dialogue (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    body TEXT NOT NULL,                 -- [C] JSON
    PRIMARY KEY (tenant, session)
);

-- What a customer said to a robot, and what became of it: work while it waits, a trace afterwards.
CREATE TABLE robot_turn (
    tenant TEXT NOT NULL,
    conv TEXT NOT NULL,
    seq BIGINT NOT NULL,                -- the customer's message
    session TEXT NOT NULL,
    epoch BIGINT NOT NULL,              -- of the control, when it was said
    state TEXT NOT NULL,                -- waiting, done
    next_at BIGINT NOT NULL,            -- whoever finds it after that works on it
    tries INTEGER NOT NULL,
    account TEXT,                       -- the delivery whose passive slot is open
    dedupe TEXT,
    chosen TEXT,                        -- JSON: the line of a list that was meant
    asked_at BIGINT NOT NULL,
    adapter TEXT NOT NULL,
    query TEXT NOT NULL,                -- [C]
    decision TEXT,
    hits TEXT,                          -- JSON: what was near, with probabilities
    reply_seq BIGINT,
    latency_ms BIGINT,
    error TEXT,
    stale BOOLEAN NOT NULL,
    helpful BOOLEAN,
    PRIMARY KEY (tenant, conv, seq)
);
CREATE INDEX robot_turn_due ON robot_turn (next_at) WHERE state = 'waiting';
CREATE INDEX robot_turn_session ON robot_turn (tenant, session, seq);

-- What no answer was found for, to be worked into the question base.
CREATE TABLE unknown_question (
    tenant TEXT NOT NULL,
    query TEXT NOT NULL,                -- [C] normalised
    sample TEXT NOT NULL,               -- [C] as it was said last
    times BIGINT NOT NULL,
    state TEXT NOT NULL,                -- open, done, ignored
    last_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, query)
);

-- Forms by version: a run stays with the one that it began with.
CREATE TABLE flow (
    tenant TEXT NOT NULL,
    flow TEXT NOT NULL,
    version BIGINT NOT NULL,
    body TEXT NOT NULL,                 -- YAML
    enabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, flow, version)
);

-- A run of a form in a session, one of each purpose.
CREATE TABLE flow_run (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    purpose TEXT NOT NULL,              -- flow, survey
    conv TEXT NOT NULL,
    body TEXT NOT NULL,                 -- [C] JSON
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant, session, purpose)
);
CREATE INDEX flow_run_conv ON flow_run (tenant, conv, purpose);

-- What a form has asked another system, until it has the answer.
CREATE TABLE flow_call (
    tenant TEXT NOT NULL,
    call TEXT NOT NULL,
    session TEXT NOT NULL,
    purpose TEXT NOT NULL,
    version BIGINT NOT NULL,            -- of the run that waits
    body TEXT NOT NULL,                 -- [C] JSON: service, operation, arguments
    next_at BIGINT NOT NULL,
    tries INTEGER NOT NULL,
    deadline BIGINT NOT NULL,
    PRIMARY KEY (tenant, call)
);
CREATE INDEX flow_call_due ON flow_call (next_at);

-- What a customer thought of a session.
CREATE TABLE rating (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    score INTEGER NOT NULL,
    words TEXT,                         -- [C]
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, session)
);

-- What machines answer at the moment: the agents' list.
CREATE INDEX session_bot ON session (tenant, started_at) WHERE ended_at IS NULL AND state = 'bot';

-- Rows that come and go.
ALTER TABLE robot_turn SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE dialogue SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE flow_run SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
ALTER TABLE flow_call SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
