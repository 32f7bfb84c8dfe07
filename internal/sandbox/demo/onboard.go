package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
)

// onboard lets Ana request the onboarding of Merche Biche and Bo approve each change, and then
// verifies the outcome.
func onboard(ctx context.Context, bed *testbed.Testbed, out *printer) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	ana := bed.Person(testbed.Ana)
	out.does("Ana", "types /onboard merche-biche in #ops")
	form, err := bed.Form(ctx, testbed.Ana, testbed.Merche)
	if err != nil {
		return err
	}
	modal, err := form.Read(ctx)
	if err != nil {
		return err
	}
	out.block(modal.Render(columns, nil))
	out.does("Ana", "presses "+modal.Submit)
	root, err := bed.Send(ctx, testbed.Ana, form, testbed.Merche.Slug)
	if err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		out.follow(watching, ana, root)
		close(watched)
	}()
	err = bed.Finish(ctx, testbed.Bo, root, func(request string) {
		out.waitFor(request)
		out.does("Bo", "reads the change and approves: "+request)
	})
	if err == nil {
		_, err = bed.Root(ctx, testbed.Ana, root, "Live")
	}
	// The last messages of the thread are still to be printed.
	time.AfterFunc(time.Second, stop)
	<-watched
	if err != nil {
		return err
	}
	return verify(ctx, bed, out)
}

// verify checks the outcome without the product: as a visitor, in the database, in the repository.
func verify(ctx context.Context, bed *testbed.Testbed, out *printer) error {
	out.note("What the demo itself finds:")
	client, err := bed.Client()
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
		if err := get(ctx, client, want.url, want.status, want.location); err != nil {
			return err
		}
		out.passed(fmt.Sprintf("%s answers %d %s", want.url, want.status, want.location))
	}
	conn, err := pgx.Connect(ctx, bed.AdminDSN())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var name string
	if err := conn.QueryRow(ctx, `SELECT display_name FROM users WHERE slug = $1`,
		testbed.Merche.Slug).Scan(&name); err != nil {
		return fmt.Errorf("the Provider's row: %w", err)
	}
	out.passed("the platform's database has " + name)
	commits, err := exec.CommandContext(ctx, "git", "-C", bed.Repo.Origin, "log", "-3",
		"--format=%s%n    %(trailers:separator=%x2C ,key=Requester,key=Approver,key=Run)").Output()
	if err != nil {
		return fmt.Errorf("the repository: %w", err)
	}
	out.passed("the repository's remote has\n  " + strings.ReplaceAll(strings.TrimSpace(string(commits)), "\n", "\n  "))
	return nil
}

func get(ctx context.Context, client *http.Client, url string, status int, location string) error {
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
