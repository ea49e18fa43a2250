-- How many rows there are to a key, as SQLite's planner reads it: in all, of one tenant, of one tenant and ...
--
-- Without figures it takes a tenant for ten rows. Then it reads all that a tenant has, in the order of the table, rather
-- than go by an index: each message read every assignment that the tenant ever had.
ANALYZE assignment;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('conversation', 'conversation', '1000000 100000 1'),
    ('conversation', 'conversation_contact', '1000000 100000 2 1'),
    ('session', 'session', '1000000 100000 1'),
    ('session', 'session_conv', '1000000 100000 10 1'),
    ('session', 'session_open', '1000 100 1'),
    ('session', 'session_bot', '1000 100 1'),
    ('delivery', 'delivery', '1000000 100000 1000 1'),
    ('delivery', 'delivery_state', '1000000 100000 1000 10'),
    ('assignment', 'assignment', '1000000 100000 1'),
    ('assignment', 'assignment_active', '1000 100 1'),
    ('assignment', 'assignment_offered', '1000 100 1'),
    ('assignment', 'assignment_agent', '1000000 100000 1000 10'),
    ('assignment', 'assignment_session', '1000000 100000 2'),
    ('assignment', 'assignment_conv', '1000000 100000 10 2'),
    ('flow_run', 'flow_run', '100000 10000 2 1'),
    ('flow_run', 'flow_run_conv', '100000 10000 2 1'),
    ('robot_turn', 'robot_turn', '1000000 100000 100 1'),
    ('robot_turn', 'robot_turn_session', '1000000 100000 10 1'),
    ('call', 'call', '100000 10000 1'),
    ('call', 'call_session', '100000 10000 2 1'),
    ('call_recording', 'call_recording', '100000 10000 1'),
    ('call_recording', 'call_recording_call', '100000 10000 2');
ANALYZE sqlite_schema;
