package isolation_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// ownRows makes a table T of Persons, and a function and a trigger function that leave a trace
// that a rollback does not undo.
const ownRows = `
CREATE SEQUENCE private.T;
CREATE FUNCTION private.mark_T() RETURNS boolean LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN PERFORM setval('private.T', 1); RETURN true; END $$;
CREATE FUNCTION private.on_T() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN PERFORM Private.Mark_T(); RETURN coalesce(NEW, OLD); END $$;
CREATE TABLE T (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES users, body text);
ALTER TABLE T ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE, DELETE ON T TO {{app}};
`

// ownPolicies let the Persons of T read and write their own rows, of which each has one.
const ownPolicies = `
CREATE POLICY own ON T USING (user_id = private.me());
INSERT INTO T (user_id, body) SELECT id, 'a row' FROM users;
`

// openPolicies let everybody change everything.
const openPolicies = ownPolicies + `CREATE POLICY opened ON T USING (true);
`

// logged is a table T_log whose trigger leaves the trace.
const logged = `
CREATE TABLE private.T_log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, T uuid, body text);
CREATE TRIGGER tell AFTER INSERT ON private.T_log FOR EACH ROW EXECUTE FUNCTION private.on_T();
`

// child is a table whose rows refer to those of T.
const child = `
CREATE TABLE T_child (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), t_id uuid REFERENCES T ON ACTION);
ALTER TABLE T_child ENABLE ROW LEVEL SECURITY;
INSERT INTO T_child (t_id) SELECT id FROM T;
CREATE TRIGGER tell AFTER EVENT ON T_child FOR EACH ROW EXECUTE FUNCTION private.on_T();
`

func withAction(action, event string) string {
	return strings.NewReplacer("ACTION", action, "EVENT", event).Replace(child)
}

// irreversible are the ways by which a statement reaches what a rollback does not undo. T stands
// for the name, and said is what the report says of the way.
var irreversible = []struct{ name, sql, said string }{
	{"direct", ownRows + ownPolicies + `CREATE TRIGGER tell BEFORE INSERT ON T
		FOR EACH ROW EXECUTE FUNCTION private.on_T();`,
		"public.T: insert: writes were not tried, since they run setval through trigger tell of public.T, " +
			"function private.on_T, function private.mark_T, which a rollback does not undo"},
	{"instead", ownRows + ownPolicies + `CREATE VIEW T_v AS SELECT * FROM T;
		GRANT SELECT, INSERT, UPDATE, DELETE ON T_v TO {{app}};
		CREATE TRIGGER tell INSTEAD OF INSERT OR UPDATE OR DELETE ON T_v FOR EACH ROW EXECUTE FUNCTION private.on_T();`,
		"public.T_v: insert, update, delete: writes were not tried"},
	{"through", ownRows + ownPolicies + `CREATE VIEW T_v AS SELECT * FROM T; CREATE VIEW T_w AS SELECT * FROM T_v;
		REVOKE ALL ON T FROM {{app}}; GRANT SELECT, INSERT, UPDATE, DELETE ON T_w TO {{app}};
		CREATE TRIGGER tell BEFORE UPDATE OR DELETE ON T FOR EACH ROW EXECUTE FUNCTION private.on_T();`,
		"public.T_w: update, delete: writes were not tried, since they run setval through view public.T_w, " +
			"view public.T_v, trigger tell of public.T"},
	{"ruled", ownRows + ownPolicies + logged + `
		CREATE RULE tell AS ON UPDATE TO T DO ALSO INSERT INTO private.T_log (body) VALUES ('changed');`,
		"public.T: update: writes were not tried, since they run setval through rule tell of public.T"},
	{"cascaded", ownRows + openPolicies + withAction("DELETE CASCADE", "DELETE"),
		"public.T: delete: writes were not tried, since they run setval through a foreign key of public.T_child"},
	{"nulled", ownRows + openPolicies + withAction("DELETE SET NULL", "UPDATE"),
		"public.T: delete: writes were not tried, since they run setval through a foreign key of public.T_child"},
	{"rekeyed", ownRows + openPolicies + withAction("UPDATE CASCADE", "UPDATE"),
		"public.T: update: writes were not tried, since they run setval through a foreign key of public.T_child"},
	{"logged", ownRows + ownPolicies + logged + `
		CREATE FUNCTION private.keep_T() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
		    SET search_path = pg_catalog, pg_temp
		    AS $$ BEGIN INSERT INTO private.T_log (T) VALUES (NEW.id); RETURN NEW; END $$;
		CREATE TRIGGER keep AFTER INSERT OR UPDATE ON T FOR EACH ROW EXECUTE FUNCTION private.keep_T();`,
		"public.T: insert, update: writes were not tried, since they run setval through trigger keep of public.T, " +
			"function private.keep_T, INSERT on private.T_log"},
	{"executed", ownRows + ownPolicies + logged + `
		CREATE FUNCTION private.keep_T() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
		    SET search_path = pg_catalog, pg_temp
		    AS $$ BEGIN EXECUTE 'INSERT INTO private.T_log (T) VALUES ($1)' USING NEW.id; RETURN NEW; END $$;
		CREATE TRIGGER keep AFTER INSERT ON T FOR EACH ROW EXECUTE FUNCTION private.keep_T();`,
		"public.T: insert: writes were not tried"},
	{"foreign", ownRows + ownPolicies + `CREATE FOREIGN DATA WRAPPER T_w; CREATE SERVER T_s FOREIGN DATA WRAPPER T_w;
		CREATE FOREIGN TABLE private.T_far (T uuid) SERVER T_s;
		CREATE FUNCTION private.keep_T() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
		    AS $$ BEGIN INSERT INTO private.T_far VALUES (NEW.id); RETURN NEW; END $$;
		CREATE TRIGGER keep AFTER INSERT ON T FOR EACH ROW EXECUTE FUNCTION private.keep_T();`,
		"public.T: insert: writes were not tried, since they run statements on another server through trigger keep"},
	{"atomic", ownRows + ownPolicies + logged + `
		CREATE FUNCTION private.keep_T(t uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
		    BEGIN ATOMIC INSERT INTO private.T_log (T) VALUES (t); END;
		CREATE FUNCTION private.pass_T() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
		    SET search_path = pg_catalog, pg_temp
		    AS $$ BEGIN PERFORM private.keep_T(NEW.id); RETURN NEW; END $$;
		CREATE TRIGGER pass AFTER INSERT ON T FOR EACH ROW EXECUTE FUNCTION private.pass_T();`,
		"public.T: insert: writes were not tried"},
	{"defaulted", ownRows + ownPolicies + `ALTER TABLE T ADD seen boolean;
		ALTER TABLE T ALTER seen SET DEFAULT private.mark_T();
		REVOKE INSERT ON T FROM {{app}}; GRANT INSERT (id, user_id, body) ON T TO {{app}};`,
		"public.T: insert: writes were not tried, since they run setval through column seen of public.T"},
	{"checked", ownRows + ownPolicies + `ALTER TABLE T ADD CONSTRAINT seen CHECK (private.mark_T());`,
		"public.T: insert, update: writes were not tried, since they run setval through constraint seen of public.T"},
	{"generated", ownRows + ownPolicies + `
		ALTER TABLE T ADD seen boolean GENERATED ALWAYS AS (private.mark_T()) STORED;`,
		"public.T: insert, update: writes were not tried, since they run setval through column seen of public.T"},
	{"indexed", ownRows + ownPolicies + `
		CREATE FUNCTION private.is_T(a text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE
		    AS $$ BEGIN RETURN private.mark_T(); END $$;
		CREATE INDEX T_seen ON T (private.is_T(body));`,
		"public.T: insert, update: writes were not tried, since they run setval through " +
			"index public.T_seen of public.T"},
	{"domain", ownRows + ownPolicies + `CREATE DOMAIN T_text AS text CHECK (VALUE IS NULL OR private.mark_T());
		CREATE DOMAIN T_words AS T_text; ALTER TABLE T ALTER body TYPE T_words;`,
		"public.T: insert, update: writes were not tried, since they run setval through " +
			"domain public.T_text of public.T"},
	{"policed", ownRows + `CREATE POLICY own ON T FOR SELECT USING (user_id = private.me());
		CREATE POLICY put ON T FOR INSERT WITH CHECK (private.mark_T() AND user_id = private.me());
		INSERT INTO T (user_id, body) SELECT id, 'a row' FROM users;`,
		"public.T: insert: writes were not tried, since they run setval through policy put of public.T"},
	{"read", ownRows + `CREATE POLICY own ON T USING (private.mark_T() AND user_id = private.me());
		INSERT INTO T (user_id, body) SELECT id, 'a row' FROM users;`,
		"public.T: neither reads nor writes were tried, since they run setval through policy own of public.T"},
	{"operated", ownRows + ownPolicies + `
		CREATE FUNCTION private.is_T(a text, b text) RETURNS boolean LANGUAGE sql IMMUTABLE
		    AS $$ SELECT private.mark_T() $$;
		CREATE OPERATOR private.=== (FUNCTION = private.is_T, LEFTARG = text, RIGHTARG = text);
		ALTER TABLE T ADD CONSTRAINT seen CHECK (body OPERATOR(private.===) 'x');`,
		"public.T: insert, update: writes were not tried, since they run setval through constraint seen of public.T"},
	{"conditional", ownRows + ownPolicies + `
		CREATE FUNCTION private.keep_T() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
		CREATE TRIGGER keep BEFORE UPDATE ON T FOR EACH ROW WHEN (private.mark_T()) EXECUTE FUNCTION private.keep_T();`,
		"public.T: update: writes were not tried, since they run setval through trigger keep of public.T"},
	{"inherited", ownRows + openPolicies + `CREATE TABLE T_old () INHERITS (T);
		INSERT INTO T_old SELECT gen_random_uuid(), id, 'old' FROM users; DELETE FROM ONLY T;
		CREATE TRIGGER tell BEFORE UPDATE ON T_old FOR EACH ROW EXECUTE FUNCTION private.on_T();`,
		"public.T: update: writes were not tried, since they run setval through child table public.T_old"},
	{"partitioned", strings.Replace(strings.Replace(ownRows, " PRIMARY KEY", "", 1), "body text)",
		"body text) PARTITION BY LIST (body)", 1) + `CREATE TABLE T_some PARTITION OF T DEFAULT;` + ownPolicies + `
		CREATE TRIGGER tell BEFORE INSERT ON T_some FOR EACH ROW EXECUTE FUNCTION private.on_T();`,
		"public.T: insert, update: writes were not tried, since they run setval through partition public.T_some"},
	{"called", ownRows + ownPolicies + `REVOKE INSERT, UPDATE, DELETE ON T FROM {{app}};
		CREATE TRIGGER tell BEFORE UPDATE ON T FOR EACH ROW EXECUTE FUNCTION private.on_T();
		CREATE FUNCTION touch_T(who uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
		    SET search_path = pg_catalog, pg_temp
		    AS $$ UPDATE public.T SET body = 'x' WHERE user_id = who $$;`, ""},
	{"defined", ownRows + ownPolicies + `CREATE VIEW T_v AS SELECT * FROM T WHERE user_id = private.me();
		GRANT SELECT ON T_v TO {{app}};
		CREATE FUNCTION private.ddl_T() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
		    SET search_path = pg_catalog, pg_temp
		    AS $$ BEGIN PERFORM private.mark_T(); END $$;
		CREATE EVENT TRIGGER a_T ON ddl_command_start WHEN TAG IN ('CREATE EXTENSION')
		    EXECUTE FUNCTION private.ddl_T();
		CREATE EVENT TRIGGER T ON ddl_command_start EXECUTE FUNCTION private.ddl_T();`,
		"nothing was tried by creating or changing a table or a function, since that runs setval through " +
			"event trigger T"},
}

// What a rollback does not undo is not run, by whatever way a statement or a call reaches it.
func TestIrreversible(t *testing.T) {
	t.Parallel()
	var sql strings.Builder
	for _, way := range irreversible {
		sql.WriteString(named(way.sql, way.name) + "\n")
	}
	s := onBase(t, "v3", sql.String(), `SELECT setval(c.oid, 1, false) FROM pg_class c
		WHERE c.relkind = 'S' AND c.relnamespace = 'private'::regnamespace`)
	report := s.check(t)
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, way := range irreversible {
		var run bool
		sequence := pgx.Identifier{"private", "way_" + way.name}.Sanitize()
		if err := conn.QueryRow(t.Context(), "SELECT is_called FROM "+sequence).Scan(&run); err != nil {
			t.Fatal(err)
		}
		if run {
			t.Errorf("%s: what a rollback does not undo was run", way.name)
		}
		said := named(way.said, way.name)
		if !slices.ContainsFunc(report.Coverage.LeftOut, func(l string) bool { return strings.Contains(l, said) }) {
			t.Errorf("%s: nothing left out says %q", way.name, said)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(report.Coverage.LeftOut, "\n"))
	}
	if want := "risk execute public.touch_way_called"; !slices.Contains(s.found(report), want) {
		t.Errorf("no finding %q: %v", want, report.Findings)
	}
}

var placeholder = regexp.MustCompile(`\bT\b|_T\b|\bT_|Mark_T`)

// named puts a way's name in the place of T.
func named(text, name string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		return strings.Replace(found, "T", "way_"+name, 1)
	})
}
