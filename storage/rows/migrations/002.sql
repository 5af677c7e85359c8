-- What was measured of an approximate index when it was published.
ALTER TABLE generations ADD COLUMN recall BLOB; -- a packed Recall; NULL: exact, or before this step
-- Exact search has one name.
UPDATE generations SET engine = 'exact' WHERE engine = 'flat';
