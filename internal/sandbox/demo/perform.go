package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox/stage"
)

// perform is the play: Ana asks for Merche Biche, Bo approves each change, and the demo looks for
// itself at the end.
func perform(ctx context.Context, set *stage.Stage, told *teller) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	ana := set.Person(stage.Ana)
	told.does("Ana", "types /onboard merche-biche in #ops")
	form, err := set.Form(ctx, stage.Ana, stage.Merche)
	if err != nil {
		return err
	}
	modal, err := form.Read(ctx)
	if err != nil {
		return err
	}
	told.shows(modal.Render(terminal, nil))
	told.does("Ana", "presses "+modal.Submit)
	root, err := set.Send(ctx, stage.Ana, form, stage.Merche.Slug)
	if err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		told.follow(watching, ana, root)
		close(watched)
	}()
	err = set.Finish(ctx, stage.Bo, root, func(question string) {
		told.hears(question)
		told.does("Bo", "reads the change and approves: "+question)
	})
	if err == nil {
		_, err = set.Root(ctx, stage.Ana, root, "Live")
	}
	// What the thread said last is still to be told.
	time.AfterFunc(time.Second, stop)
	<-watched
	if err != nil {
		return err
	}
	return looks(ctx, set, told)
}

// looks checks the outcome without the product: as a visitor, in the database, in the repository.
func looks(ctx context.Context, set *stage.Stage, told *teller) error {
	told.aside("What the demo itself sees:")
	client, err := set.Client()
	if err != nil {
		return err
	}
	for _, want := range []struct {
		url, location string
		status        int
	}{
		{"https://merche-biche.com/", "", 200}, {"https://www.merche-biche.com/", "", 200},
		{"http://merche-biche.com/", "https://merche-biche.com/", 301},
		{"http://www.merche-biche.com/", "https://www.merche-biche.com/", 301},
		{"https://merche-biche.my/", "", 200},
	} {
		if err := visit(ctx, client, want.url, want.status, want.location); err != nil {
			return err
		}
		told.good(fmt.Sprintf("%s answers %d %s", want.url, want.status, want.location))
	}
	conn, err := pgx.Connect(ctx, set.AdminDSN())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var name string
	if err := conn.QueryRow(ctx, `SELECT display_name FROM users WHERE slug = $1`,
		stage.Merche.Slug).Scan(&name); err != nil {
		return fmt.Errorf("the Provider's row: %w", err)
	}
	told.good("the platform's database has " + name)
	commits, err := exec.CommandContext(ctx, "git", "-C", set.Repo.Origin, "log", "-3",
		"--format=%s%n    %(trailers:separator=%x2C ,key=Requester,key=Approver,key=Run)").Output()
	if err != nil {
		return fmt.Errorf("the repository: %w", err)
	}
	told.good("the repository's remote has\n  " + strings.ReplaceAll(strings.TrimSpace(string(commits)), "\n", "\n  "))
	return nil
}

func visit(ctx context.Context, client *http.Client, url string, status int, location string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != status || response.Header.Get("Location") != location {
		return fmt.Errorf("%s answers %d %s, not %d %s", url, response.StatusCode,
			response.Header.Get("Location"), status, location)
	}
	return nil
}
