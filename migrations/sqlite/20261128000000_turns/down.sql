DROP INDEX robot_turn_asked;
