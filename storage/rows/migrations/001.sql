-- Collections, documents, queries, positives, generations, jobs, mined sets.
--
-- Rows of the large tables are found by a key that begins with their owner: owner << 32 | number.
-- One integer, so the table itself is the index by number, an owner's rows lie together, and a
-- scan in order of number reads the file forwards. The owner's id is never reused: rows left by
-- a deletion belong to nobody (see table garbage).

CREATE TABLE collections (
	id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id < 1 << 31),
	name TEXT NOT NULL UNIQUE,
	created_at_ms INTEGER NOT NULL,
	-- Also the next number of each: neither is ever deleted alone.
	documents INTEGER NOT NULL DEFAULT 0,
	queries INTEGER NOT NULL DEFAULT 0,
	positives INTEGER NOT NULL DEFAULT 0,
	generation INTEGER NOT NULL DEFAULT 0, -- that is served; 0: none
	revision INTEGER NOT NULL DEFAULT 0,
	documents_revision INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Long columns come last: a scan that needs none of them leaves their overflow pages unread.
CREATE TABLE documents (
	key INTEGER PRIMARY KEY, -- collection << 32 | number
	collection INTEGER NOT NULL,
	id TEXT NOT NULL,
	group_name TEXT,
	content BLOB NOT NULL, -- four little-endian words: whole.low, whole.high, text.low, text.high
	title TEXT,
	text TEXT,
	metadata TEXT
) STRICT;
CREATE UNIQUE INDEX documents_by_id ON documents (collection, id);

CREATE TABLE queries (
	key INTEGER PRIMARY KEY, -- collection << 32 | number
	collection INTEGER NOT NULL,
	id TEXT NOT NULL,
	group_name TEXT,
	text TEXT
) STRICT;
CREATE UNIQUE INDEX queries_by_id ON queries (collection, id);

CREATE TABLE positives (
	collection INTEGER NOT NULL,
	query INTEGER NOT NULL,    -- number
	document INTEGER NOT NULL, -- number
	grade INTEGER NOT NULL CHECK (grade > 0),
	PRIMARY KEY (collection, query, document)
) STRICT, WITHOUT ROWID;

-- Rows stay when a generation retires, so the next number is the highest and one.
CREATE TABLE generations (
	collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
	generation INTEGER NOT NULL,
	encoder TEXT NOT NULL,
	step INTEGER NOT NULL,
	dimension INTEGER NOT NULL,
	similarity INTEGER NOT NULL,
	engine TEXT NOT NULL, -- the schema's `index`
	dtype INTEGER NOT NULL,
	state INTEGER NOT NULL,
	document_vectors INTEGER NOT NULL DEFAULT 0,
	query_vectors INTEGER NOT NULL DEFAULT 0,
	created_at_ms INTEGER NOT NULL,
	published_at_ms INTEGER,
	PRIMARY KEY (collection, generation)
) STRICT, WITHOUT ROWID;

-- A job outlives its collection, so it keeps the name and refers to nothing.
CREATE TABLE jobs (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	kind TEXT NOT NULL,
	collection INTEGER NOT NULL,
	collection_name TEXT NOT NULL,
	state INTEGER NOT NULL,
	phase TEXT,
	done INTEGER,
	total INTEGER,
	unit TEXT,
	created_at_ms INTEGER NOT NULL,
	started_at_ms INTEGER,
	finished_at_ms INTEGER,
	error BLOB, -- a packed Error
	result TEXT,
	request BLOB NOT NULL, -- packed
	checkpoint BLOB
) STRICT;
CREATE INDEX jobs_by_collection ON jobs (collection_name, id);
CREATE INDEX jobs_to_do ON jobs (state, id) WHERE state <= 1; -- queued, running

CREATE TABLE mined_sets (
	id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id < 1 << 31),
	collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
	name TEXT NOT NULL,
	job INTEGER NOT NULL,
	created_at_ms INTEGER NOT NULL,
	results INTEGER NOT NULL DEFAULT 0,
	summary BLOB, -- a packed MineSummary, once complete
	UNIQUE (collection, name)
) STRICT;

CREATE TABLE mined_results (
	key INTEGER PRIMARY KEY, -- mined set << 32 | position
	result BLOB NOT NULL     -- a packed MineResult
) STRICT;

-- Owners that are gone, with rows still to be removed, a slice at a time.
CREATE TABLE garbage (
	id INTEGER PRIMARY KEY,
	of TEXT NOT NULL, -- the table
	owner INTEGER NOT NULL
) STRICT;
