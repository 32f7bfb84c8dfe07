package sqltree_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// Variables of a composite type, of which the parser knows nothing, are read with what is assigned
// to their fields.
func TestCompositeVariables(t *testing.T) {
	for _, c := range []struct{ name, arguments, body, field string }{
		{"type", "", "DECLARE a app.actor; BEGIN a.kind := setting; RETURN a; END", "a.kind"},
		{"type without schema", "", "DECLARE a actor; BEGIN a.kind := setting; RETURN a; END", "a.kind"},
		{"row type", "", "DECLARE a users%ROWTYPE; BEGIN a.kind = setting; RETURN a; END", "a.kind"},
		{"into fields", "", "DECLARE a app.users%ROWTYPE; BEGIN SELECT setting, 1 INTO a.kind, a.id; END", "a.kind"},
		{"column's type", "", "DECLARE a app.log.actor%TYPE; BEGIN a.kind := setting; END", "a.kind"},
		{"quoted", "", `DECLARE "A" "App"."Actor"; BEGIN "A"."kind" := setting; END`, "a.kind"},
		{"comments", "", "DECLARE -- a; \n a /* ; */ app.actor; BEGIN a.kind := setting; END", "a.kind"},
		{"initial", "", "DECLARE a CONSTANT app.actor NOT NULL := setting; BEGIN RETURN a.kind; END", "a"},
		{"initial record", "", "DECLARE a record DEFAULT setting; BEGIN RETURN a.kind; END", "a"},
		{"initial, then a field", "", "DECLARE a app.actor = setting; BEGIN a.id := 1; RETURN a.kind; END", "a.id"},
		{"inner block", "", "DECLARE n int; BEGIN n := 1; <<b>> DECLARE a app.actor; " +
			"BEGIN b.a.kind := setting; END; END", "a.kind"},
		{"beside others", "", "DECLARE s app.status; t text; a app.actor; c CURSOR FOR SELECT 1; " +
			"BEGIN SELECT 1, 2 INTO s, t; a.kind := setting; GET DIAGNOSTICS s = ROW_COUNT; END", "a.kind"},
		{"array", "", "DECLARE a app.actor[]; BEGIN a[1].kind := setting; END", "a"},
		{"inner field", "", "DECLARE a app.actor; BEGIN a.role.kind := setting; RETURN (a.role).kind; END", "a.role"},
		{"argument", "a app.actor", "BEGIN a.kind := setting; RETURN a; END", "a.kind"},
		{"argument without schema", "n int, INOUT a actor", "BEGIN a.kind := setting; END", "a.kind"},
		{"argument by number", "actor", "BEGIN $1.kind := setting; END", "$1.kind"},
		{"argument by another name", "actor", "DECLARE a ALIAS FOR $1; BEGIN a.kind := setting; END", "$1.kind"},
		{"output", "OUT n int, OUT a actor", "BEGIN a.kind := setting; END", "a.kind"},
		{"record as an argument", "a record", "BEGIN a.kind := setting; END", "a.kind"},
	} {
		t.Run(c.name, func(t *testing.T) {
			source := strings.ReplaceAll(c.body, "setting", "current_setting('app.kind')")
			const form = "CREATE FUNCTION f(%s) RETURNS record LANGUAGE plpgsql AS $function$%s$function$"
			routine, err := sqltree.Body(fmt.Sprintf(form, c.arguments, source), source, "plpgsql")
			if err != nil {
				t.Fatal(err)
			}
			if assigned := fmt.Sprint(routine.Assigned[c.field]); !strings.Contains(assigned, "current_setting") {
				t.Errorf("assigned to %s: %v, want the setting (of %v)", c.field, assigned, routine.Assigned)
			}
		})
	}
}
