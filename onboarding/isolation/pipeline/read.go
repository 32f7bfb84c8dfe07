package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

const (
	// batchSize is how many tenants' checks are sent before their answers are read.
	batchSize = 32
	// maxReconnects is how often a reader may lose its connection before it takes the server for
	// gone.
	maxReconnects = 40
)

// Outcome is what came of reading every table as every tenant.
type Outcome struct {
	Seen   session.Tenants
	Tables []*Table
	// Checks is the number of reads of one table as one tenant.
	Checks int
}

var errNoReaders = errors.New("no connection left to read with")

// Read tries to read other tenants' rows in every relation as every tenant. An outcome beside an
// error is what came of it until then.
func Read(ctx context.Context, config Config, relations []*catalog.Relation) (*Outcome, error) {
	rd := newReading(config, relations)
	seen, err := rd.everyTenant(ctx)
	return &Outcome{Seen: seen, Tables: rd.tables, Checks: rd.checks}, err
}

func (rd *reading) everyTenant(ctx context.Context) (session.Tenants, error) {
	batches := make(chan []session.Session)
	group, groupCtx := routine.WithContext(ctx)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range rd.config.Connections {
		readers.Add(1)
		group.Go(func() error {
			defer readers.Done()
			return rd.read(groupCtx, batches)
		})
	}
	routine.Go(func() {
		defer close(done)
		readers.Wait()
	})
	var seen session.Tenants
	group.Go(func() error {
		defer close(batches)
		var err error
		seen, err = rd.config.Lister.All(groupCtx, func(page []session.Session) error {
			for batch := range slices.Chunk(page, batchSize) {
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

// read checks batches over one connection, and over a new one when that is lost.
func (rd *reading) read(ctx context.Context, batches <-chan []session.Session) error {
	r := &reader{shared: rd}
	defer r.close(ctx)
	for batch := range batches {
		if err := r.check(ctx, batch); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			rd.config.Results.LeaveOut("reading ended early: %s", query.Describe(err))
			return nil
		}
	}
	return nil
}

// reader checks tenants over one connection.
type reader struct {
	shared     *reading
	conn       *session.Conn
	orgUnset   *session.Conn // on which no Org was ever set
	statements []statement
	prepared   int // generation of the statements
	lost       int
}

func (r *reader) close(ctx context.Context) {
	if r.conn != nil {
		r.conn.Close(ctx)
		r.conn = nil
	}
	if r.orgUnset != nil {
		r.orgUnset.Close(ctx)
		r.orgUnset = nil
	}
}

// check checks a batch. When the connection is lost it goes on with halves, so only the tenant
// who breaks it is left out.
func (r *reader) check(ctx context.Context, batch []session.Session) error {
	err := r.checkOnce(ctx, batch)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if r.lost++; r.lost > maxReconnects {
		return err
	}
	r.close(ctx)
	if len(batch) > 1 {
		half := len(batch) / 2
		if err := r.check(ctx, batch[:half]); err != nil {
			return err
		}
		return r.check(ctx, batch[half:])
	}
	if again := r.checkOnce(ctx, batch); again != nil {
		r.close(ctx)
		r.shared.config.Results.LeaveOut("%s was not read as: %s", batch[0].Label, query.Describe(err))
	}
	return ctx.Err()
}

// checkOnce checks a batch over the connection there is, or over a new one.
func (r *reader) checkOnce(ctx context.Context, batch []session.Session) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	if err := r.shared.config.Limiter.Wait(ctx, len(batch)*len(r.shared.tables)); err != nil {
		return err
	}
	failed, err := r.sendBatch(ctx, batch)
	if err != nil {
		return err
	}
	for _, s := range failed {
		if err := r.checkSingly(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// ready connects, and prepares the statements for the tables that are still read.
func (r *reader) ready(ctx context.Context) error {
	if r.conn == nil || r.conn.Pgx().IsClosed() {
		conn, err := r.connect(ctx)
		if err != nil {
			r.conn = nil
			return err
		}
		r.conn, r.prepared = conn, -1
	}
	generation := r.shared.currentGeneration()
	if r.prepared == generation {
		return nil
	}
	p := &preparer{model: r.shared.config.Model, conn: r.conn.Pgx(), generation: generation, refused: r.shared.refused}
	for tables := range slices.Chunk(r.shared.remaining(), TablesPerStatement) {
		if err := p.prepare(ctx, tables); err != nil {
			return err
		}
	}
	r.statements, r.prepared = p.statements, generation
	return nil
}

func (r *reader) connect(ctx context.Context) (*session.Conn, error) {
	conn, err := r.shared.config.Dialer.Open(ctx)
	if err != nil {
		return nil, err
	}
	err = query.Exec(ctx, conn.Pgx(), "SET default_transaction_read_only = on; SET plan_cache_mode = "+
		"force_generic_plan; SET jit = off")
	if err == nil {
		err = prepareIdentify(ctx, conn.Pgx(), r.shared.config.Settings)
	}
	if err != nil {
		conn.Close(ctx)
		return nil, err
	}
	return conn, nil
}

// sendBatch checks a batch in one pipeline: for each tenant an implicit, read-only transaction
// that begins with its identity. It returns the tenants for whom a table failed; an error means
// that the connection did.
func (r *reader) sendBatch(ctx context.Context, batch []session.Session) ([]session.Session, error) {
	pipeline := r.conn.Pgx().PgConn().StartPipeline(ctx)
	for _, s := range batch {
		pipeline.SendQueryPrepared(identify, identity(r.shared.config.Settings, s), nil, nil)
		values := s.Parameters()
		for _, st := range r.statements {
			pipeline.SendQueryPrepared(st.name, values, nil, nil)
		}
		pipeline.SendPipelineSync()
	}
	if err := pipeline.Flush(); err != nil {
		return nil, errors.Join(err, pipeline.Close())
	}
	var failed []session.Session
	checks, kinds := 0, map[session.Kind]bool{}
	for _, s := range batch {
		answers, err := receive(pipeline, r.statements)
		if err != nil && (query.SQLState(err) == "" || r.conn.Pgx().IsClosed()) {
			return nil, errors.Join(err, pipeline.Close())
		}
		if err != nil {
			failed = append(failed, s)
			continue
		}
		r.note(s, answers)
		checks += len(answers)
		kinds[s.Kind] = true
	}
	r.shared.count(checks)
	for _, st := range r.statements {
		for _, t := range st.tables {
			for kind := range kinds {
				r.shared.answer(t, kind)
			}
		}
	}
	return failed, pipeline.Close()
}

// note records the tables of which a session sees foreign rows.
func (r *reader) note(s session.Session, answers []bool) {
	at := 0
	for _, st := range r.statements {
		for i, t := range st.tables {
			if answers[at+i] {
				r.shared.suspect(t, s)
			}
		}
		at += len(st.tables)
	}
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

// checkSingly checks one tenant table by table, so it is known which table fails.
func (r *reader) checkSingly(ctx context.Context, s session.Session) error {
	for _, t := range r.shared.remaining() {
		sees, err := r.seesForeign(ctx, r.conn, s, t)
		if query.Refusal(err) && *s.Org == "" {
			// A platform that casts or demands the Org's setting leaves it unset rather than
			// empty.
			if sees, err = r.seesForeignOrgUnset(ctx, s, t); query.Refusal(err) {
				r.shared.turnAway(t, err)
				continue
			}
		}
		switch {
		case err == nil:
			r.shared.count(1)
			r.shared.answer(t, s.Kind)
			if sees {
				r.shared.suspect(t, s)
			}
		case query.SQLState(err) == "" || r.conn.Pgx().IsClosed() || ctx.Err() != nil:
			return err
		case query.Refusal(err) && s.Kind.Claims():
			r.shared.count(1) // policies turn away who claims another's Org
		case query.SQLState(err) == query.InsufficientPrivilege:
			r.shared.refused(t, err)
		default:
			r.shared.fail(t, err)
		}
	}
	return nil
}

// seesForeignOrgUnset is seesForeign in a session whose Org was never set.
func (r *reader) seesForeignOrgUnset(ctx context.Context, s session.Session, t *catalog.Relation) (bool, error) {
	if r.orgUnset == nil || r.orgUnset.Pgx().IsClosed() {
		conn, err := r.shared.config.Dialer.Open(ctx)
		if err != nil {
			return false, err
		}
		r.orgUnset = conn
	}
	s.Org = nil
	return r.seesForeign(ctx, r.orgUnset, s, t)
}

func (r *reader) seesForeign(
	ctx context.Context, conn *session.Conn, s session.Session, t *catalog.Relation,
) (bool, error) {
	m, sees := r.shared.config.Model, 0
	sql := seesForeignSQL(m, []*catalog.Relation{t}, m.IdentitySQL(s.Identity))
	err := conn.Read(ctx, s, func(tx *session.Tx) error { return tx.QueryRow(ctx, sql).Scan(&sees) })
	return sees > 0, err
}
