// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rights as PostgreSQL enforces them, whoever the client is. Roles and permissions are read from the store itself, and who it
 * is, is the session's user. Everybody who may connect has the privileges on the tables; rows are let through by policies, and
 * what a policy can't say, triggers do. The functions work with the owner's rights, which policies do not bind.
 *
 * It can be run again over itself. Policies ask functions in subqueries of their own, so once in a statement; triggers ask
 * store_level() for one object.
 */
#include "store_driver.h"

/* May the session's user do that with the row's object? 1 to 4: view, edit, delete, propagate */
#define MAY(level, kind, name) \
	"((" kind " = ANY ((SELECT store_kinds(" level "))::text[]) AND (" kind ", " name ") NOT IN " \
	"(SELECT e.kind, e.name FROM store_exceptions(" level ", false) e)) OR (" kind ", " name ") IN " \
	"(SELECT e.kind, e.name FROM store_exceptions(" level ", true) e))"
#define MAY_ROW(level) MAY(level, "kind", "name")
#define KIND(level, kind) "(" kind " = ANY ((SELECT store_kinds(" level "))::text[]))"
#define OWN_ROLE "(kind = 'role' AND name IN (SELECT r.role FROM store_roles() r))"
#define ADMINISTRATOR KIND("2", "'role'::text")
#define ANYTHING(level) "((SELECT cardinality(store_kinds(" level ")) > 0 OR " \
	"EXISTS (SELECT 1 FROM store_exceptions(" level ", true))))"
#define EDITOR ANYTHING("2")
#define READER ANYTHING("1")

#define ROWS(table, privileges) \
	"ALTER TABLE " table " ENABLE ROW LEVEL SECURITY; GRANT " privileges " ON " table " TO PUBLIC;\n"
#define POLICY(table, command, rule) \
	"DROP POLICY IF EXISTS may_" command " ON " table "; CREATE POLICY may_" command " ON " table " FOR " command " " \
	rule ";\n"
#define SEE(table, rule) POLICY(table, "SELECT", "USING (" rule ")")
#define ADD(table, rule) POLICY(table, "INSERT", "WITH CHECK (" rule ")")
#define SET(table, rule) POLICY(table, "UPDATE", "USING (" rule ") WITH CHECK (" rule ")")
#define DEL(table, rule) POLICY(table, "DELETE", "USING (" rule ")")

#define FUNCTION(head, language) "CREATE OR REPLACE FUNCTION " head " LANGUAGE " language " SECURITY DEFINER " \
	"SET search_path FROM CURRENT AS $$\n"
#define END "$$;\n"
#define TRIGGER(name, events, table) \
	"DROP TRIGGER IF EXISTS " name " ON " table "; CREATE TRIGGER " name " BEFORE " events " ON " table \
	" FOR EACH ROW EXECUTE FUNCTION " name "();\n"
#define LOGGED(events, table) \
	"DROP TRIGGER IF EXISTS store_logged ON " table "; CREATE CONSTRAINT TRIGGER store_logged " \
	"AFTER " events " ON " table " DEFERRABLE INITIALLY DEFERRED " \
	"FOR EACH ROW EXECUTE FUNCTION store_logged();\n"
#define NOW "floor(extract(epoch FROM clock_timestamp()))::bigint"
#define OWN_TRANSACTION "xmin = pg_current_xact_id()::xid"

const char store_rights[] =
	"SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);\n"
	/* Who may make functions there could have one called with the owner's rights. */
	"DO $$ BEGIN EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema()); "
	"EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;\n"
	"CREATE INDEX IF NOT EXISTS log_about ON log (kind, name);\n"

	/* ---- who may what ---- */
	FUNCTION("store_owner() RETURNS boolean STABLE", "plpgsql")
	"BEGIN RETURN (SELECT pg_has_role(session_user, relowner, 'member') FROM pg_class WHERE oid = 'store_meta'::regclass); END "
	END
	/* who works for a box sees what boxes are to have */
	FUNCTION("store_box() RETURNS boolean STABLE", "plpgsql")
	"BEGIN RETURN EXISTS (SELECT 1 FROM boxes b WHERE b.login = session_user); END "
	END
	/* becomes a part of what calls it */
	"CREATE OR REPLACE FUNCTION store_rank(word text) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$\n"
	"SELECT COALESCE(array_position(ARRAY['view', 'edit', 'delete', 'propagate'], word), 0)::bigint "
	END
	"ALTER FUNCTION store_rank(text) SECURITY INVOKER RESET ALL;\n"
	FUNCTION("store_roles() RETURNS TABLE (role text, levels jsonb) STABLE", "plpgsql")
	"#variable_conflict use_column\nBEGIN RETURN QUERY SELECT d.name, d.j FROM (SELECT o.name, v.definition::jsonb AS j "
	"FROM objects o JOIN versions v ON v.kind = o.kind AND v.name = o.name AND v.version = o.latest "
	"WHERE o.kind = 'role' AND o.retired = 0 OFFSET 0) d WHERE jsonb_typeof(d.j -> 'members') = 'array' AND "
	"(d.j -> 'members' ? ('user:' || session_user) OR EXISTS (SELECT 1 FROM jsonb_array_elements_text("
	"CASE jsonb_typeof(d.j -> 'members') WHEN 'array' THEN d.j -> 'members' ELSE '[]' END) m "
	"JOIN pg_roles r ON r.rolname = substr(m, 7) WHERE m LIKE 'group:%' AND r.rolname <> session_user AND "
	"pg_has_role(session_user, r.oid, 'member'))); END "
	END
	FUNCTION("store_kinds(wanted int) RETURNS text[] STABLE", "plpgsql")
	"DECLARE every text[] := ARRAY['service', 'policy', 'template', 'tenant', 'role']; box boolean; BEGIN "
	"IF store_owner() THEN RETURN every; END IF; box := wanted = 1 AND store_box(); "
	"RETURN (WITH own AS MATERIALIZED (SELECT r.levels AS l FROM store_roles() r) "
	"SELECT COALESCE(array_agg(k), '{}') FROM unnest(every) k WHERE (box AND k <> 'role') OR "
	"EXISTS (SELECT 1 FROM own w WHERE store_rank(w.l ->> k) >= wanted)); END "
	END
	/* objects with permissions of their own, which do or do not give that */
	FUNCTION("store_exceptions(wanted int, may boolean) RETURNS TABLE (kind text, name text) STABLE", "plpgsql")
	"#variable_conflict use_column\nBEGIN "
	"IF NOT EXISTS (SELECT 1 FROM permissions) OR store_owner() OR (wanted = 1 AND store_box()) THEN RETURN; END IF; "
	"RETURN QUERY WITH own AS MATERIALIZED (SELECT r.role AS n, r.levels AS l FROM store_roles() r), "
	"about AS (SELECT DISTINCT p.kind AS k, p.name AS n FROM permissions p WHERE p.role IN (SELECT w.n FROM own w)) "
	"SELECT a.k, a.n FROM about a CROSS JOIN own w LEFT JOIN permissions p ON p.kind = a.k AND p.name = a.n "
	"AND p.role = w.n GROUP BY 1, 2 HAVING (max(COALESCE(p.level, store_rank(w.l ->> a.k))) >= wanted) = may; END "
	END
	FUNCTION("store_level(of_kind text, of_name text) RETURNS bigint STABLE", "plpgsql")
	"BEGIN IF store_owner() THEN RETURN 4; END IF; "
	"RETURN GREATEST(CASE WHEN of_kind <> 'role' AND store_box() THEN 1 ELSE 0 END, "
	"(SELECT max(COALESCE(p.level, store_rank(r.levels ->> of_kind))) FROM store_roles() r LEFT JOIN permissions p ON "
	"p.kind = of_kind AND p.name = of_name AND p.role = r.role), 0); END "
	END
	/* what auto-delete deletes */
	FUNCTION("store_is_old(of_kind text, of_name text, of_version bigint) RETURNS boolean STABLE", "sql")
	"SELECT EXISTS (SELECT 1 FROM retention t JOIN versions v ON v.kind = t.kind JOIN objects o ON o.kind = v.kind AND "
	"o.name = v.name WHERE v.kind = of_kind AND v.name = of_name AND v.version = of_version AND "
	"v.created_at <= " NOW " - t.seconds AND (v.version <> o.latest OR o.retired = 1) AND NOT EXISTS (SELECT 1 FROM refs r "
	"WHERE r.to_kind = v.kind AND r.to_name = v.name AND r.to_version = v.version) AND NOT EXISTS (SELECT 1 FROM "
	"box_holds h WHERE h.kind = v.kind AND h.name = v.name AND h.version = v.version)) "
	END

	/* ---- objects, versions, references ---- */
	FUNCTION("store_object() RETURNS trigger", "plpgsql")
	"BEGIN IF TG_OP = 'DELETE' THEN "
	"IF OLD.retired = 0 THEN RAISE EXCEPTION '% ''%'' is not retired', OLD.kind, OLD.name; END IF; RETURN OLD; END IF; "
	"NEW.changed_at := " NOW "; NEW.changed_by := session_user; "
	"IF TG_OP = 'INSERT' THEN NEW.created_at := NEW.changed_at; NEW.created_by := session_user; RETURN NEW; END IF; "
	"NEW.created_at := OLD.created_at; NEW.created_by := OLD.created_by; "
	"IF (NEW.kind, NEW.name) <> (OLD.kind, OLD.name) OR NEW.latest NOT IN (OLD.latest, OLD.latest + 1) THEN "
	"RAISE EXCEPTION '% ''%'': names stay and versions are counted', OLD.kind, OLD.name; END IF; "
	"IF NEW.retired <> 0 AND OLD.retired = 0 THEN "
	"IF store_level(OLD.kind, OLD.name) < 3 OR (OLD.kind, OLD.name) IN (('role', 'administrator'), ('policy', 'default')) "
	"THEN RAISE insufficient_privilege USING MESSAGE = format('%s ''%s'': not permitted to delete it', OLD.kind, OLD.name); "
	"END IF; END IF; RETURN NEW; END "
	END
	FUNCTION("store_version() RETURNS trigger", "plpgsql")
	"BEGIN IF TG_OP = 'DELETE' THEN IF EXISTS (SELECT 1 FROM objects o WHERE o.kind = OLD.kind AND o.name = OLD.name AND "
	"o.latest = OLD.version AND o.retired = 0) THEN RAISE EXCEPTION '% ''%'': version % is the latest', OLD.kind, OLD.name, "
	"OLD.version; END IF; RETURN OLD; END IF; "
	"IF NOT EXISTS (SELECT 1 FROM objects o WHERE o.kind = NEW.kind AND o.name = NEW.name AND o.latest = NEW.version) THEN "
	"RAISE EXCEPTION '% ''%'': % is not the next version', NEW.kind, NEW.name, NEW.version; END IF; "
	"PERFORM NEW.definition::jsonb; "
	"NEW.created_at := " NOW "; NEW.created_by := session_user; RETURN NEW; END "
	END
	/* A referrer that moves from one version to another is what propagate is. */
	FUNCTION("store_ref() RETURNS trigger", "plpgsql")
	"DECLARE level bigint := store_level(NEW.to_kind, NEW.to_name); moved boolean; BEGIN "
	"IF NOT EXISTS (SELECT 1 FROM versions v WHERE v.kind = NEW.kind AND v.name = NEW.name AND v.version = NEW.version AND "
	"v." OWN_TRANSACTION ") THEN RAISE EXCEPTION 'versions never change'; END IF; "
	"IF level < 1 THEN RAISE insufficient_privilege USING MESSAGE = format('%s ''%s'': not permitted to view it', NEW.to_kind, "
	"NEW.to_name); END IF; "
	"IF level < 4 THEN SELECT count(*) > 0 AND NOT bool_or(r.to_version = NEW.to_version) INTO moved FROM refs r WHERE "
	"r.kind = NEW.kind AND r.name = NEW.name AND r.version = NEW.version - 1 AND r.to_kind = NEW.to_kind AND "
	"r.to_name = NEW.to_name; IF moved THEN RAISE insufficient_privilege USING MESSAGE = "
	"format('%s ''%s'': not permitted to propagate it', NEW.to_kind, NEW.to_name); END IF; END IF; RETURN NEW; END "
	END

	/* ---- the log: number, time, who and hash are the database's; the text is that of audit.c ---- */
	"CREATE OR REPLACE FUNCTION store_quote(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$\n"
	"BEGIN t := replace(replace(t, chr(92), chr(92) || chr(92)), chr(34), chr(92) || chr(34)); "
	"IF t ~ '[[:cntrl:]]' THEN FOR i IN 1..31 LOOP t := replace(t, chr(i), chr(92) || CASE i WHEN 8 THEN 'b' WHEN 9 THEN 't' "
	"WHEN 10 THEN 'n' WHEN 12 THEN 'f' WHEN 13 THEN 'r' ELSE 'u00' || upper(lpad(to_hex(i), 2, '0')) END); END LOOP; END IF; "
	"RETURN chr(34) || t || chr(34); END "
	END
	FUNCTION("store_log() RETURNS trigger", "plpgsql")
	"DECLARE last record; BEGIN LOCK TABLE store_meta IN SHARE ROW EXCLUSIVE MODE; "
	"SELECT l.number, l.hash INTO last FROM log l ORDER BY l.number DESC LIMIT 1; "
	"NEW.number := COALESCE(last.number, 0) + 1; NEW.at := " NOW "; NEW.who := session_user; "
	/* Anybody may add what was refused him, but not fill the disk with it. */
	"NEW.origin := left(NEW.origin, 255); IF NEW.result <> 'done' THEN NEW.old := ''; NEW.new := ''; "
	"NEW.command := left(NEW.command, 4096); NEW.kind := left(NEW.kind, 63); NEW.name := left(NEW.name, 255); "
	"NEW.result := left(NEW.result, 4096); END IF; "
	"IF inet_client_addr() IS NOT NULL THEN NEW.origin := NEW.origin || ' at ' || host(inet_client_addr()); END IF; "
	"NEW.hash := encode(sha256(convert_to('[' || store_quote(COALESCE(last.hash, '')) || ',' || NEW.number || ',' || NEW.at || "
	"',' || store_quote(NEW.who) || ',' || store_quote(NEW.origin) || ',' || store_quote(NEW.command) || ',' || "
	"store_quote(NEW.kind) || ',' || store_quote(NEW.name) || ',' || store_quote(NEW.old) || ',' || store_quote(NEW.new) || "
	"',' || store_quote(NEW.result) || ']', 'UTF8')), 'hex'); RETURN NEW; END "
	END
	/*
	 * What somebody changes without algctl and does not log, or logs as something else, is logged for him when he commits.
	 * @part: what the entry's new text must have in it, @exact: what it must be.
	 */
	FUNCTION("store_logged() RETURNS trigger", "plpgsql")
	"DECLARE r jsonb := to_jsonb(CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END); "
	"of_fleet boolean := TG_TABLE_NAME LIKE 'box%'; of_kind text := CASE WHEN of_fleet THEN 'box' ELSE r ->> 'kind' END; "
	"of_name text := COALESCE(CASE TG_TABLE_NAME WHEN 'box_holds' THEN r ->> 'box' ELSE r ->> 'name' END, ''); "
	"version text := CASE WHEN of_fleet THEN '' ELSE COALESCE(r ->> 'version', r ->> 'latest', '') END; "
	"part text; exact text[]; BEGIN "
	"IF TG_OP = 'DELETE' AND TG_TABLE_NAME IN ('permissions', 'tags') AND (NOT EXISTS (SELECT 1 FROM "
	"objects o WHERE o.kind = of_kind AND o.name = of_name) OR EXISTS (SELECT 1 FROM log l WHERE l.kind = 'role' AND "
	"l.name = r ->> 'role' AND l." OWN_TRANSACTION ")) THEN RETURN NULL; END IF; "
	/* the box that comes first is named with those that hold; what is deleted is held no more */
	"IF TG_TABLE_NAME = 'box_holds' AND (EXISTS (SELECT 1 FROM log l WHERE l.kind = r ->> 'kind' AND "
	"l.name = r ->> 'name' AND l." OWN_TRANSACTION ") OR (SELECT pg_current_xact_id()::xid = b.x FROM "
	"(SELECT l.xmin AS x FROM log l WHERE l.kind = 'box' ORDER BY l.number DESC LIMIT 1) b)) THEN RETURN NULL; END IF; "
	"CASE TG_TABLE_NAME WHEN 'versions' THEN IF TG_OP = 'INSERT' THEN part := NEW.definition; "
	"ELSE exact := ARRAY['', 'deleted automatically']; END IF; "
	"WHEN 'objects' THEN IF NEW.retired <> 0 THEN exact := ARRAY['']; "
	"ELSIF NEW.description <> OLD.description THEN part := NEW.description; END IF; "
	"WHEN 'tags' THEN version := COALESCE((SELECT o.latest::text FROM objects o WHERE o.kind = of_kind AND "
	"o.name = of_name), ''); "
	"WHEN 'permissions' THEN exact := ARRAY[format('role %s %s', r ->> 'role', CASE TG_OP WHEN 'DELETE' THEN 'default' ELSE "
	"(ARRAY['none', 'view', 'edit', 'delete', 'propagate'])[(r ->> 'level')::int + 1] END)]; "
	"WHEN 'retention' THEN exact := ARRAY[CASE TG_OP WHEN 'DELETE' THEN 'auto-delete off' ELSE "
	"format('auto-delete after %s s', r ->> 'seconds') END]; ELSE NULL; END CASE; "
	"IF NOT EXISTS (SELECT 1 FROM log l WHERE l.kind = of_kind AND l.name IN (of_name, of_name || '@' || version) AND "
	"l.result = 'done' AND l." OWN_TRANSACTION " AND (part IS NULL OR strpos(l.new, part) > 0) AND "
	"(exact IS NULL OR l.new = ANY (exact))) THEN "
	"INSERT INTO log (number, at, who, origin, command, kind, name, old, new, result, hash) VALUES (0, 0, '', 'database', "
	"TG_OP || ' ' || TG_TABLE_NAME, of_kind, CASE version WHEN '' THEN of_name ELSE of_name || '@' || version END, "
	"CASE TG_OP WHEN 'INSERT' THEN '' ELSE to_jsonb(OLD)::text END, CASE TG_OP WHEN 'DELETE' THEN '' ELSE r::text END, "
	"'done', ''); END IF; RETURN NULL; END "
	END
	TRIGGER("store_object", "INSERT OR UPDATE OR DELETE", "objects")
	TRIGGER("store_version", "INSERT OR DELETE", "versions")
	TRIGGER("store_ref", "INSERT", "refs")
	TRIGGER("store_log", "INSERT", "log")
	/* an object without a version is none yet */
	LOGGED("UPDATE", "objects") LOGGED("INSERT OR DELETE", "versions")
	LOGGED("INSERT OR UPDATE OR DELETE", "permissions") LOGGED("INSERT OR UPDATE OR DELETE", "retention")
	LOGGED("INSERT OR DELETE", "tags") LOGGED("INSERT OR UPDATE OR DELETE", "boxes") LOGGED("INSERT OR DELETE", "box_tags")
	LOGGED("INSERT OR DELETE", "box_holds")

	/* ---- rows: the lock of a writer wants UPDATE of store_meta, of which no row is anybody's ---- */
	ROWS("store_meta", "SELECT, UPDATE") SEE("store_meta", "true")
	ROWS("objects", "SELECT, INSERT, UPDATE, DELETE")
	SEE("objects", MAY_ROW("1") " OR " OWN_ROLE) ADD("objects", KIND("2", "kind"))
	/* names stay, so what was his is his */
	POLICY("objects", "UPDATE", "USING (" MAY_ROW("2") ") WITH CHECK (true)")
	DEL("objects", "retired <> 0 AND " EDITOR)
	ROWS("versions", "SELECT, INSERT, DELETE")
	SEE("versions", MAY_ROW("1") " OR " OWN_ROLE) ADD("versions", MAY_ROW("2"))
	DEL("versions", MAY_ROW("3") " OR (" EDITOR " AND store_is_old(kind, name, version))")
	ROWS("refs", "SELECT, INSERT")
	/* store_ref() takes those of versions that the same transaction has made, which he could */
	SEE("refs", MAY_ROW("1") " OR " MAY("1", "to_kind", "to_name")) ADD("refs", "true")
	ROWS("tags", "SELECT, INSERT, DELETE")
	SEE("tags", MAY_ROW("1")) ADD("tags", MAY_ROW("2")) DEL("tags", MAY_ROW("2"))
	ROWS("permissions", "SELECT, INSERT, UPDATE, DELETE")
	SEE("permissions", "role IN (SELECT r.role FROM store_roles() r) OR " MAY_ROW("1"))
	ADD("permissions", ADMINISTRATOR) SET("permissions", ADMINISTRATOR) DEL("permissions", ADMINISTRATOR)
	ROWS("retention", "SELECT, INSERT, UPDATE, DELETE")
	SEE("retention", READER) ADD("retention", ADMINISTRATOR) SET("retention", ADMINISTRATOR) DEL("retention", ADMINISTRATOR)
	ROWS("log", "SELECT, INSERT")
	SEE("log", KIND("1", "'role'::text") " OR (SELECT store_box())")
	ADD("log", "result LIKE 'refused%' OR " EDITOR)
	ROWS("boxes", "SELECT, INSERT, UPDATE, DELETE")
	SEE("boxes", "login = session_user OR " READER) ADD("boxes", ADMINISTRATOR) SET("boxes", ADMINISTRATOR)
	DEL("boxes", ADMINISTRATOR)
	ROWS("box_tags", "SELECT, INSERT, DELETE") SEE("box_tags", READER) ADD("box_tags", ADMINISTRATOR)
	DEL("box_tags", ADMINISTRATOR)
	/* box_report() says for whom */
	ROWS("box_reports", "SELECT, INSERT, UPDATE") SEE("box_reports", READER) ADD("box_reports", READER)
	SET("box_reports", READER)
	ROWS("box_holds", "SELECT, INSERT, DELETE") SEE("box_holds", READER) ADD("box_holds", MAY_ROW("2"))
	DEL("box_holds", MAY_ROW("2"))

	/* ---- is something of what tenants have out of the user's sight? ---- */
	"CREATE OR REPLACE VIEW hidden AS WITH RECURSIVE used (kind, name, version) AS (SELECT o.kind, o.name, o.latest FROM "
	"objects o WHERE o.kind = 'tenant' AND o.retired = 0 UNION SELECT r.to_kind, r.to_name, r.to_version FROM refs r JOIN "
	"used u ON r.kind = u.kind AND r.name = u.name AND r.version = u.version) SELECT 1 AS n FROM used u "
	"WHERE NOT (SELECT store_owner()) AND NOT (" MAY("1", "u.kind", "u.name") ") LIMIT 1;\n"
	"GRANT SELECT ON hidden TO PUBLIC";
