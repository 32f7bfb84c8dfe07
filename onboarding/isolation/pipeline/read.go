package pipeline

import (
	"cmp"
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
	// batchesAhead is how many batches wait for a reader: about a page of tenants, so the next
	// page is listed meanwhile.
	batchesAhead = 32
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
	batches := make(chan []session.Session, batchesAhead)
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
		var batch []session.Session // that is not full yet: no connection is opened for a few tenants
		send := func() error {
			select {
			case batches <- batch:
				batch = nil
				return nil
			case <-done:
				return errNoReaders
			case <-groupCtx.Done():
				return groupCtx.Err()
			}
		}
		var err error
		seen, err = rd.config.Lister.All(groupCtx, func(page []session.Session) error {
			for _, s := range page {
				if batch = append(batch, s); len(batch) < batchSize {
					continue
				}
				if err := send(); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil && len(batch) > 0 {
			err = send()
		}
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
	shared   *reading
	conn     *session.Conn
	orgUnset *session.Conn // on which no Org was ever set
	// begin, identify and commit are around the statements of each tenant.
	begin, identify, commit *pgconn.StatementDescription

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

// checkOnce checks a batch over the connection there is, or over a new one. Tenants for whom a
// table fails are checked table by table.
func (r *reader) checkOnce(ctx context.Context, batch []session.Session) error {
	if err := r.shared.config.Limiter.Wait(ctx, len(batch)*len(r.shared.tables)); err != nil {
		return err
	}
	for len(batch) > 0 {
		if err := r.ready(ctx); err != nil {
			return err
		}
		answered, err := r.sendBatch(ctx, batch)
		if err == nil {
			return nil
		}
		if query.SQLState(err) == "" || r.conn.Pgx().IsClosed() {
			return err
		}
		if err := query.Exec(ctx, r.conn.Pgx(), "ROLLBACK"); err != nil {
			return err
		}
		if err := r.checkSingly(ctx, batch[answered]); err != nil {
			return err
		}
		batch = batch[answered+1:]
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
		err = r.prepareTransaction(ctx, conn.Pgx().PgConn())
	}
	if err != nil {
		conn.Close(ctx)
		return nil, err
	}
	return conn, nil
}

// sendBatch checks a batch in one pipeline: for each tenant a read-only transaction that begins
// with its identity. There is one synchronization at the end, because the server sends what it has
// at each. It returns how many tenants were answered. An error is about the next one, after which
// the server does nothing more, or about the connection.
func (r *reader) sendBatch(ctx context.Context, batch []session.Session) (answered int, err error) {
	pipeline := r.conn.Pgx().PgConn().StartPipeline(ctx)
	for _, s := range batch {
		pipeline.SendQueryStatement(r.begin, nil, nil, nil)
		pipeline.SendQueryStatement(r.identify, identity(r.shared.config.Settings, s), nil, nil)
		values := s.Parameters()
		for _, st := range r.statements {
			pipeline.SendQueryStatement(st.prepared, values, nil, nil)
		}
		pipeline.SendQueryStatement(r.commit, nil, nil, nil)
	}
	err = pipeline.Sync()
	kinds := map[session.Kind]bool{}
	for err == nil && answered < len(batch) {
		var answers []bool
		if answers, err = receive(pipeline, r.statements); err == nil {
			r.note(batch[answered], answers)
			r.shared.count(len(answers))
			kinds[batch[answered].Kind] = true
			answered++
		}
	}
	for _, st := range r.statements {
		for _, t := range st.tables {
			for kind := range kinds {
				r.shared.answer(t, kind)
			}
		}
	}
	return answered, cmp.Or(err, pipeline.Close())
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

// receive reads one tenant's answers.
func receive(pipeline *pgconn.Pipeline, statements []statement) ([]bool, error) {
	if err := skip(pipeline, 2); err != nil { // begin and identify
		return nil, err
	}
	var answers []bool
	for _, st := range statements {
		result, err := next(pipeline)
		if err != nil {
			return nil, err
		}
		got, err := readAnswers(result, len(st.tables))
		if err != nil {
			return nil, err
		}
		answers = append(answers, got...)
	}
	return answers, skip(pipeline, 1) // commit
}

func next(pipeline *pgconn.Pipeline) (*pgconn.ResultReader, error) {
	result, err := pipeline.GetResults()
	reader, ok := result.(*pgconn.ResultReader)
	if err == nil && !ok {
		err = errors.New("pipeline ended early")
	}
	return reader, err
}

func skip(pipeline *pgconn.Pipeline, results int) error {
	for range results {
		result, err := next(pipeline)
		if err != nil {
			return err
		}
		if _, err := result.Close(); err != nil {
			return err
		}
	}
	return nil
}
