// Package trial tries the fixes that a check proposes. Each is applied in a transaction of the
// schema's owner; then sessions of the app role look whether the leak is gone and whether tenants
// still reach their own rows. Everything is rolled back.
//
// Until then the fix locks what it changes, so fixes are tried in a disposable database.
package trial
