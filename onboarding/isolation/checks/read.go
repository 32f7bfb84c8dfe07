package checks

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

const (
	// flight is how many tenants' checks are sent before their answers are read.
	flight = 32
	// patience is how many tenants a table may fail for before it is given up, and timeoutPatience how many it may keep waiting.
	patience        = 100
	timeoutPatience = 2
	// reconnects is how often a reader may lose its connection before it takes the server for gone.
	reconnects = 40
)

// everyTenant tries to read other tenants' rows in every table as every tenant.
func (rd *reading) everyTenant(ctx context.Context, only string) (session.TenantsSeen, error) {
	batches := make(chan []session.Session)
	group, groupCtx := errgroup.WithContext(ctx)
	readers := rd.run.cfg.Budget.Connections
	done := make(chan struct{})
	var idle sync.WaitGroup
	for range readers {
		idle.Add(1)
		group.Go(func() error {
			defer idle.Done()
			return rd.reader(groupCtx, batches)
		})
	}
	go func() { idle.Wait(); close(done) }()
	var seen session.TenantsSeen
	group.Go(func() error {
		defer close(batches)
		var err error
		seen, err = session.All(groupCtx, rd.run.m, rd.run.admin, only, func(all []session.Session) error {
			for batch := range slices.Chunk(all, flight) {
				select {
				case batches <- batch:
				case <-done:
					return errNoReaders
				case <-groupCtx.Done():
					return groupCtx.Err()
				}
			}
			return nil
		})
		return err
	})
	return seen, group.Wait()
}

var errNoReaders = errors.New("no connection left to read with")

// reader checks tenants over one connection, and over a new one when that is lost.
type reader struct {
	*reading
	conn       *pgx.Conn
	bare       *pgx.Conn // on which no Org was ever set
	statements []statement
	prepared   int // generation of the statements
	lost       int
}

func (rd *reading) reader(ctx context.Context, batches <-chan []session.Session) error {
	w := &reader{reading: rd}
	defer w.hangUp(ctx)
	for batch := range batches {
		if err := w.work(ctx, batch); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			rd.run.LeaveOut("reading ended early: %s", query.Describe(err))
			return nil
		}
	}
	return nil
}

func (w *reader) hangUp(ctx context.Context) {
	if w.conn != nil {
		_ = w.conn.Close(context.WithoutCancel(ctx))
		w.conn = nil
	}
	if w.bare != nil {
		_ = w.bare.Close(context.WithoutCancel(ctx))
		w.bare = nil
	}
}

// work checks a batch. When the connection is lost it goes on with halves, so that a tenant who breaks it is left out alone.
func (w *reader) work(ctx context.Context, batch []session.Session) error {
	err := w.once(ctx, batch)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if w.lost++; w.lost > reconnects {
		return err
	}
	w.hangUp(ctx)
	if len(batch) > 1 {
		half := len(batch) / 2
		if err := w.work(ctx, batch[:half]); err != nil {
			return err
		}
		return w.work(ctx, batch[half:])
	}
	if again := w.once(ctx, batch); again != nil {
		w.hangUp(ctx)
		w.run.LeaveOut("%s was not read as: %s", batch[0].Label, query.Describe(err))
	}
	return ctx.Err()
}

// once checks a batch over the connection there is, or a new one.
func (w *reader) once(ctx context.Context, batch []session.Session) error {
	var err error
	if w.conn == nil || w.conn.IsClosed() {
		if w.conn, err = w.connect(ctx); err != nil {
			w.conn = nil
			return err
		}
		w.prepared = -1
	}
	if generation := w.currentGeneration(); w.prepared != generation {
		if w.statements, err = prepare(ctx, w.run.m, w.conn, generation, w.remaining(), w.refused); err != nil {
			return err
		}
		w.prepared = generation
	}
	if err := w.run.limit(ctx, len(batch)*len(w.tables)); err != nil {
		return err
	}
	failed, err := w.sendBatch(ctx, w.conn, w.statements, batch)
	if err != nil {
		return err
	}
	for _, s := range failed {
		if err := w.carefully(ctx, w.conn, s); err != nil {
			return err
		}
	}
	return nil
}

func (rd *reading) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := rd.run.dialer.Open(ctx)
	if err != nil {
		return nil, err
	}
	if err := query.Exec(ctx, conn, "SET default_transaction_read_only = on; SET plan_cache_mode = force_generic_plan; SET jit = off"); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, prepareIdentify(ctx, conn, rd.run.cfg.Settings)
}

// fly checks a batch in one pipeline: for each tenant an implicit, read-only transaction that begins with its identity. It returns the
// tenants for whom some table failed; an error means that the connection did.
func (rd *reading) sendBatch(ctx context.Context, conn *pgx.Conn, statements []statement, batch []session.Session) ([]session.Session, error) {
	pipeline := conn.PgConn().StartPipeline(ctx)
	for _, s := range batch {
		pipeline.SendQueryPrepared(identify, [][]byte{[]byte(*s.User), []byte(*s.Org)}, nil, nil)
		values := bind(s)
		for _, st := range statements {
			pipeline.SendQueryPrepared(st.name, values, nil, nil)
		}
		pipeline.SendPipelineSync()
	}
	if err := pipeline.Flush(); err != nil {
		return nil, errors.Join(err, pipeline.Close())
	}
	var failed []session.Session
	checks, kinds := 0, map[string]bool{}
	for _, s := range batch {
		answers, err := receive(pipeline, statements)
		if err != nil && (query.SQLState(err) == "" || conn.IsClosed()) {
			return nil, errors.Join(err, pipeline.Close())
		}
		if err != nil {
			failed = append(failed, s)
			continue
		}
		at := 0
		for _, st := range statements {
			for i, r := range st.tables {
				if answers[at+i] {
					rd.suspect(r, s)
				}
			}
			at += len(st.tables)
		}
		checks += at
		kinds[s.Kind()] = true
	}
	rd.count(checks)
	for _, st := range statements {
		for _, r := range st.tables {
			for kind := range kinds {
				rd.answer(r, kind)
			}
		}
	}
	return failed, pipeline.Close()
}

// receive reads one tenant's answers up to its sync, also when one of them is an error.
func receive(pipeline *pgconn.Pipeline, statements []statement) ([]bool, error) {
	var answers []bool
	var failure error
	for i := -1; ; {
		result, err := pipeline.GetResults()
		if err != nil {
			if query.SQLState(err) == "" {
				return nil, err
			}
			failure = err
			continue
		}
		switch result := result.(type) {
		case *pgconn.ResultReader:
			if i < 0 {
				_, err = result.Close()
			} else {
				var got []bool
				got, err = readAnswers(result, len(statements[i].tables))
				answers = append(answers, got...)
			}
			i++
			if err != nil {
				failure = err
			}
		case *pgconn.PipelineSync:
			return answers, failure
		case nil:
			return nil, errors.New("pipeline ended early")
		}
	}
}

// carefully checks one tenant table by table, so that what fails is known.
func (w *reader) carefully(ctx context.Context, conn *pgx.Conn, s session.Session) error {
	for _, r := range w.remaining() {
		sees, err := w.look(ctx, conn, s, r)
		if refusal(err) && *s.Org == "" {
			// A platform that casts or demands the Org's setting leaves it unset rather than empty.
			if s.Org, err = nil, w.open(ctx); err == nil {
				sees, err = w.look(ctx, w.bare, s, r)
			}
			if refusal(err) {
				w.turnAway(r, err)
				s.Org = query.Ref("")
				continue
			}
		}
		switch {
		case err == nil:
			w.count(1)
			w.answer(r, s.Kind())
			if sees {
				w.suspect(r, s)
			}
		case query.SQLState(err) == "" || conn.IsClosed() || ctx.Err() != nil:
			return err
		case refusal(err) && s.Claims():
			w.count(1) // that is how who claims another's Org is turned away
		case query.SQLState(err) == "42501":
			w.refused(r, err)
		default:
			w.fail(r, err)
		}
		if s.Org == nil {
			s.Org = query.Ref("")
		}
	}
	return nil
}

func (w *reader) look(ctx context.Context, conn *pgx.Conn, s session.Session, r *catalog.Relation) (bool, error) {
	m, sees := w.run.m, 0
	err := session.Within(ctx, conn, w.run.cfg.Settings, s, true, func() error {
		return query.One(ctx, conn, "SELECT "+seesForeign(m, r, m.Identity(s.Person, s.Orgs, s.CoMembers)), nil, &sees)
	})
	return sees > 0, err
}

func (w *reader) open(ctx context.Context) error {
	if w.bare != nil && !w.bare.IsClosed() {
		return nil
	}
	var err error
	w.bare, err = w.run.dialer.Open(ctx)
	return err
}

// refusal reports whether an error is a policy's own way to turn a session away: raised by its function, or by casting what a setting says.
func refusal(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	return pg.Routine == "exec_stmt_raise" || strings.HasPrefix(pg.Code, "P0") || strings.HasPrefix(pg.Code, "22") || pg.Code == query.UndefinedObject
}
