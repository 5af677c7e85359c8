-- Documents that were replaced after they came: an index of text that knows a collection as of some
-- revision reads these, and those that came since, and no others.
CREATE TABLE document_changes (
	key INTEGER PRIMARY KEY,  -- of the document
	revision INTEGER NOT NULL -- the documents_revision that its last replacement made
) STRICT;

-- By collection, which is the upper half of a key.
CREATE INDEX document_changes_by_revision ON document_changes (key >> 32, revision);
