-- Who works on it while `next_at` is the end of a lease: when that node is dead, nobody waits for the end.
ALTER TABLE delivery ADD COLUMN node TEXT;
ALTER TABLE media ADD COLUMN node TEXT;
