DROP TABLE call_wish;
DROP TABLE call_recording;
DROP TABLE call_side;
DROP TABLE call;
