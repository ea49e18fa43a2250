-- What was refused to somebody who knew too much, and what supervisors did to others' sessions. Rows are only added.
CREATE TABLE audit (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,                -- agent:<id>, contact:<id>
    action TEXT NOT NULL,               -- the request's op
    subject TEXT,                       -- what it was about
    outcome TEXT NOT NULL,              -- ok, or the code of the refusal
    PRIMARY KEY (tenant, id)
);
CREATE INDEX audit_at ON audit (at);
