package repo

import (
	"strings"
	"testing"
)

// Checks and hosts that people use, with a piece of the line that says why.
func TestReasonsOfOtherTools(t *testing.T) {
	t.Parallel()
	pad := strings.Repeat("Progress line\n", 15)
	for name, c := range map[string][2]string{
		"commitlint":      {"⧗   input: Add x\n✖   subject may not be empty [subject-empty]\n✖   type may not be empty [type-empty]\n\n✖   found 2 problems, 0 warnings\nⓘ   Get help: https://x\n\nhusky - commit-msg hook exited with code 1 (error)", "type may not be empty"},
		"lefthook":        {"╭──────╮\n│ lefthook v1.5 hook: pre-commit │\n╰──────╯\n┃  lint ❯\n\nservices.yaml:3 bad indentation\n\nexit status 1\n  ────\nsummary: (done in 0.1 seconds)\n🥊  lint", "bad indentation"},
		"lint-staged":     {"[STARTED] Running tasks\n[FAILED] eslint --fix [FAILED]\n✖ eslint --fix:\n/x/a.js\n  3:1  error  Unexpected var  no-var\n" + pad + "husky - pre-commit script failed (code 1)", "Unexpected var"},
		"push protection": {"remote: error: GH013: Repository rule violations found for refs/heads/main.\nremote: \nremote: - GITHUB PUSH PROTECTION\nremote:   —————————\nremote:     Resolve the following violations before pushing again\nremote:     - Push cannot contain secrets\nremote:      (?) Learn how to resolve a blocked push\nremote:       —— Amazon AWS Access Key ID ——\n!	x:refs/heads/main	[remote rejected] (push declined due to repository rule violations)\nDone", "Push cannot contain secrets"},
		"gitlab":          {"remote: GitLab: You are not allowed to push code to protected branches on this project.\n!	x [remote rejected] (pre-receive hook declined)\nDone", "not allowed to push"},
		"gitlab size":     {"remote: GitLab: File \"logo.png\" is larger than the allowed size of 1 MiB.\n! [remote rejected] (pre-receive hook declined)", "larger than the allowed"},
		"gerrit":          {"remote: ERROR: commit abc: missing Change-Id in message footer\nremote: Hint: to automatically insert a Change-Id\n! [remote rejected] (missing Change-Id)", "missing Change-Id in message"},
		"bitbucket":       {"remote: Branch refs/heads/main can only be modified through pull requests.\nremote: Check your branch permissions configuration\n! [remote rejected] (pre-receive hook declined)", "only be modified through pull"},
		"quota":           {"fatal: sha1 file '<stdout>' write error: Disk quota exceeded\nfatal: the remote end hung up unexpectedly", "Disk quota"},
		"gpg":             {"error: gpg failed to sign the data\nfatal: failed to write commit object\ngit commit failed", "failed to sign"},
		"ssh":             {"git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\ngit push to origin failed", "publickey"},
		"black":           {"would reformat a.py\nAll done!\n1 file would be reformatted.\n" + pad + "hook exited", "would reformat"},
		"shellcheck":      {"In deploy.sh line 3:\nrm -rf $x/\n       ^-- SC2115 (warning): Use \"${x:?}\"\n" + pad + "done", "SC2115"},
		"yamllint":        {"services.yaml\n  3:1       error    wrong indentation: expected 2 (indentation)\n" + pad, "wrong indentation"},
		"detect-secrets":  {"Potential secrets about to be committed to git repo!\nSecret Type: AWS\n" + pad + "Possible mitigations:\nx\ny\nz", "Potential secrets"},
		"german":          {"FEHLER: Einrückung in services.yaml\n" + pad + "git commit failed", "Einrückung"},
		"prettier":        {"[warn] services.yaml\n[warn] Code style issues found in the above file. Run Prettier\n" + pad, "Code style issues"},
		"terraform":       {"Error: Invalid reference\n" + pad, "Invalid reference"},
		"dco":             {"remote: error: Commit abc lacks Signed-off-by\n! [remote rejected]", "Signed-off-by"},
		"codeowners":      {"remote: error: GH006: Protected branch update failed for refs/heads/main.\nremote: error: Waiting on code owner review from x\n! [remote rejected] (protected branch hook declined)", "code owner review"},
	} {
		if got := reasons(strings.Split(c[0], "\n")); !strings.Contains(got, c[1]) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
