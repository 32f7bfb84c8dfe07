package apply

import (
	"context"
	"strings"
	"unicode"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// commitApplier commits files to the platform's repository and pushes them.
type commitApplier struct{ repo *repo.Repo }

func (a commitApplier) apply(ctx context.Context, task Task) error {
	wanted := task.Item.Commit
	commit := repo.Commit{Folder: wanted.Folder, Subject: wanted.Subject, Trailers: trailers(task.Authorization),
		Rebase: wanted.Rebase, Output: task.Log.Line, Fence: fence(task.Authorization),
		Waiting: waits(once(task.Log.Line))}
	// The repository itself tells whether what claims to be made for this approval is.
	for _, unpushed := range wanted.UnpushedBut(task.Digest) {
		commit.Unpushed = append(commit.Unpushed, unpushed.Commit)
	}
	for _, file := range wanted.Files {
		before, after, err := file.Contents()
		if err != nil {
			return err
		}
		commit.Files = append(commit.Files,
			repo.FileChange{Path: file.Path, Mode: repo.FileMode(file.Mode), Before: before, After: after})
		task.Log.Line(file.Path)
	}
	hash, err := a.repo.Apply(ctx, commit)
	if err != nil {
		return err
	}
	task.Log.Line("commit " + hash)
	return nil
}

// trailers say in the commit who asked for it, who approved it, and in which run.
func trailers(auth onboarding.Authorization) []repo.Trailer {
	list := []repo.Trailer{{Key: repo.TrailerRequester, Value: person(auth.Run.Requester)}}
	for _, approver := range auth.Approvers {
		list = append(list, repo.Trailer{Key: repo.TrailerApprover, Value: person(approver)})
	}
	return append(list,
		repo.Trailer{Key: repo.TrailerRun, Value: auth.Run.ID.String()},
		repo.Trailer{Key: repo.TrailerDigest, Value: string(auth.Digest)})
}

// person names an operator on one line. People choose their own names, so characters that would
// break a trailer are dropped.
func person(operator onboarding.Operator) string {
	name := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == '<' || r == '>' {
			return -1
		}
		return r
	}, operator.Name)
	if name = strings.TrimSpace(name); name == "" {
		return operator.ID
	}
	return name + " (" + operator.ID + ")"
}
