-- Old turns are found by when they were asked.
CREATE INDEX robot_turn_asked ON robot_turn (asked_at);
