// SPDX-License-Identifier: GPL-2.0-or-later
/* The schema, step by step, and the texts of the statements. */
#include "store_driver.h"

const char *const sql_texts[SQLS] = {
#define STORE_SQL(symbol, text) text,
#define STORE_MANY(symbol, text)
#include "store_sql.def"
#undef STORE_MANY
#undef STORE_SQL
};

#define KEY "kind TEXT NOT NULL, name TEXT NOT NULL, "
#define STAMP(what) what "_at BIGINT NOT NULL, " what "_by TEXT NOT NULL"

/* SQLite has triggers with a body, PostgreSQL triggers that call a function. */
#define NEVER_SQLITE(table, event, text) \
	"CREATE TRIGGER " table "_" event " BEFORE " event " ON " table " BEGIN SELECT RAISE(ABORT, '" text "'); END"
#define NEVER_POSTGRESQL(table, events) \
	"CREATE TRIGGER " table "_fixed BEFORE " events " ON " table " FOR EACH ROW EXECUTE FUNCTION store_never()"

const struct schema_step schema_steps[] = {
	/* 1: objects, versions, what refers to what, the log */
	{ 1, ENGINE_ALL, "CREATE TABLE store_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)" },
	{ 1, ENGINE_ALL, "CREATE TABLE objects (" KEY "latest BIGINT NOT NULL, description TEXT NOT NULL, "
	  "reusable BIGINT NOT NULL, retired BIGINT NOT NULL, " STAMP("created") ", " STAMP("changed") ", "
	  "PRIMARY KEY (kind, name))" },
	{ 1, ENGINE_ALL, "CREATE TABLE versions (" KEY "version BIGINT NOT NULL, definition TEXT NOT NULL, "
	  STAMP("created") ", PRIMARY KEY (kind, name, version), "
	  "FOREIGN KEY (kind, name) REFERENCES objects (kind, name))" },
	{ 1, ENGINE_ALL, "CREATE TABLE refs (" KEY "version BIGINT NOT NULL, to_kind TEXT NOT NULL, to_name TEXT NOT NULL, "
	  "to_version BIGINT NOT NULL, PRIMARY KEY (kind, name, version, to_kind, to_name, to_version), "
	  "FOREIGN KEY (kind, name, version) REFERENCES versions (kind, name, version) ON DELETE CASCADE, "
	  "FOREIGN KEY (to_kind, to_name, to_version) REFERENCES versions (kind, name, version))" },
	{ 1, ENGINE_ALL, "CREATE INDEX refs_to ON refs (to_kind, to_name, to_version)" },
	{ 1, ENGINE_ALL, "CREATE TABLE tags (" KEY "tag TEXT NOT NULL, PRIMARY KEY (kind, name, tag), "
	  "FOREIGN KEY (kind, name) REFERENCES objects (kind, name) ON DELETE CASCADE)" },
	{ 1, ENGINE_ALL, "CREATE TABLE log (number BIGINT PRIMARY KEY, at BIGINT NOT NULL, who TEXT NOT NULL, "
	  "origin TEXT NOT NULL, command TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, old TEXT NOT NULL, "
	  "new TEXT NOT NULL, result TEXT NOT NULL, hash TEXT NOT NULL)" },
	{ 1, ENGINE_SQLITE, NEVER_SQLITE("log", "UPDATE", "the log is append-only") },
	{ 1, ENGINE_SQLITE, NEVER_SQLITE("log", "DELETE", "the log is append-only") },
	{ 1, ENGINE_SQLITE, NEVER_SQLITE("versions", "UPDATE", "versions never change") },
	{ 1, ENGINE_SQLITE, NEVER_SQLITE("refs", "UPDATE", "versions never change") },
	{ 1, ENGINE_POSTGRESQL, "CREATE FUNCTION store_never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
	  "RAISE EXCEPTION '% of % is not allowed', TG_OP, TG_TABLE_NAME; END $$" },
	{ 1, ENGINE_POSTGRESQL, NEVER_POSTGRESQL("log", "UPDATE OR DELETE") },
	{ 1, ENGINE_POSTGRESQL, "CREATE TRIGGER log_whole BEFORE TRUNCATE ON log EXECUTE FUNCTION store_never()" },
	{ 1, ENGINE_POSTGRESQL, NEVER_POSTGRESQL("versions", "UPDATE") },
	{ 1, ENGINE_POSTGRESQL, NEVER_POSTGRESQL("refs", "UPDATE") },

	/* 2: permissions of single objects, retention */
	{ 2, ENGINE_ALL, "CREATE TABLE permissions (" KEY "role TEXT NOT NULL, level BIGINT NOT NULL, "
	  "PRIMARY KEY (kind, name, role), "
	  "FOREIGN KEY (kind, name) REFERENCES objects (kind, name) ON DELETE CASCADE)" },
	{ 2, ENGINE_ALL, "CREATE TABLE retention (kind TEXT PRIMARY KEY, seconds BIGINT NOT NULL)" },

	/* 3: a fleet's boxes, what their agents report, and what they keep while a change is staged */
	{ 3, ENGINE_ALL, "CREATE TABLE boxes (name TEXT PRIMARY KEY, description TEXT NOT NULL, login TEXT NOT NULL, "
	  STAMP("created") ")" },
	{ 3, ENGINE_ALL, "CREATE TABLE box_tags (name TEXT NOT NULL REFERENCES boxes (name) ON DELETE CASCADE, "
	  "tag TEXT NOT NULL, PRIMARY KEY (name, tag))" },
	{ 3, ENGINE_ALL, "CREATE TABLE box_reports (name TEXT PRIMARY KEY REFERENCES boxes (name) ON DELETE CASCADE, "
	  "seen_at BIGINT NOT NULL, every BIGINT NOT NULL, agent TEXT NOT NULL, tried BIGINT NOT NULL, "
	  "entry BIGINT NOT NULL, hash TEXT NOT NULL, applied_at BIGINT NOT NULL, error TEXT NOT NULL, "
	  "error_at BIGINT NOT NULL)" },
	{ 3, ENGINE_ALL, "CREATE TABLE box_holds (box TEXT NOT NULL REFERENCES boxes (name) ON DELETE CASCADE, " KEY
	  "version BIGINT NOT NULL, PRIMARY KEY (box, kind, name), "
	  "FOREIGN KEY (kind, name, version) REFERENCES versions (kind, name, version) ON DELETE CASCADE)" },
	{ 3, ENGINE_POSTGRESQL, "CREATE FUNCTION store_notify() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
	  "PERFORM pg_notify('nf_alg', ''); RETURN NULL; END $$" },
	{ 3, ENGINE_POSTGRESQL, "CREATE TRIGGER log_notify AFTER INSERT ON log FOR EACH ROW WHEN (NEW.result = 'done') "
	  "EXECUTE FUNCTION store_notify()" },
	/* Who reports for a box is the one named for it; times are the database's. */
	{ 3, ENGINE_POSTGRESQL, "CREATE FUNCTION box_report() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE "
	  "at BIGINT := extract(epoch FROM clock_timestamp())::bigint; BEGIN "
	  "IF NOT EXISTS (SELECT 1 FROM boxes b WHERE b.name = NEW.name AND b.login IN ('', session_user)) THEN "
	  "RAISE EXCEPTION '% does not report for box %', session_user, NEW.name; END IF; "
	  "NEW.seen_at := at; NEW.applied_at := 0; NEW.error_at := 0; "
	  "IF TG_OP = 'UPDATE' AND NEW.hash = OLD.hash THEN NEW.applied_at := OLD.applied_at; "
	  "ELSIF NEW.hash <> '' THEN NEW.applied_at := at; END IF; "
	  "IF TG_OP = 'UPDATE' AND NEW.error = OLD.error THEN NEW.error_at := OLD.error_at; "
	  "ELSIF NEW.error <> '' THEN NEW.error_at := at; END IF; "
	  "IF TG_OP = 'INSERT' OR (NEW.tried, NEW.entry, NEW.hash, NEW.error) IS DISTINCT FROM "
	  "(OLD.tried, OLD.entry, OLD.hash, OLD.error) THEN PERFORM pg_notify('nf_alg_reports', NEW.name); END IF; "
	  "RETURN NEW; END $$" },
	{ 3, ENGINE_POSTGRESQL, "CREATE TRIGGER box_reports_report BEFORE INSERT OR UPDATE ON box_reports FOR EACH ROW "
	  "EXECUTE FUNCTION box_report()" },

	/* 4: rights; where the database does not enforce them nothing is hidden from it */
	{ 6, ENGINE_POSTGRESQL, store_rights },
	{ 4, ENGINE_SQLITE, "CREATE VIEW IF NOT EXISTS hidden AS SELECT 1 AS n WHERE 0" },
	{ 0, 0, NULL }
};

const int schema_latest = 6;
