package sqltree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	_ "unsafe" // for go:linkname

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	_ "github.com/wasilibs/go-pgquery/parser" // contains the parser
	"github.com/wasilibs/wazero-helpers/allocator"
)

// The functions of go-pgquery compile the parser in each process. This package needs what is
// internal there, and links it by name: the parser's WebAssembly, its host functions, and their
// state of one call.
//
//go:linkname libPGQuery github.com/wasilibs/go-pgquery/internal/wasm.LibPGQuery
var libPGQuery []byte

//go:linkname provideHost github.com/wasilibs/go-pgquery/internal/wasix32v1.MustInstantiate
func provideHost(ctx context.Context, r wazero.Runtime)

//go:linkname callContext github.com/wasilibs/go-pgquery/internal/wasix32v1.BackgroundContext
func callContext() context.Context

// entry is a function of libpg_query. Its result is a structure that begins with a pointer to
// JSON, or with a PgQueryProtobuf.
type entry struct {
	name, free string
	failure    uint32 // offset of the pointer to a PgQueryError
	size       uint64 // of the structure, in bytes
	protobuf   bool
}

// From pg_query.h of libpg_query, with 4 bytes a pointer.
var (
	parseSQL     = entry{"pg_query_parse", "pg_query_free_parse_result", 8, 12, false}
	parsePLpgSQL = entry{"pg_query_parse_plpgsql", "pg_query_free_plpgsql_parse_result", 4, 8, false}
	scanSQL      = entry{"pg_query_scan", "pg_query_free_scan_result", 12, 16, true}
)

var errMemory = errors.New("the parser's memory is smaller than what it points to")

// parser is the process's parser. It takes one call at a time.
var parser struct {
	sync.Mutex
	code   *code      // nil until its first use
	module api.Module // nil until its first use, and after it failed
}

// call passes a text to a function of the parser, and returns the JSON or the message.
func (e entry) call(text string) (string, error) {
	parser.Lock()
	defer parser.Unlock()
	if err := start(); err != nil {
		return "", fmt.Errorf("start the parser: %w", err)
	}
	c := call{ctx: callContext(), module: parser.module}
	result, fault := c.run(e, text)
	if c.err != nil {
		_ = parser.module.Close(c.ctx) // its state is unknown
		parser.module = nil
		return "", c.err
	}
	if fault != "" {
		return "", errors.New(fault)
	}
	return result, nil
}

// start starts the process's parser, if it is not running. The caller has locked it.
func start() (err error) {
	ctx := experimental.WithMemoryAllocator(context.Background(), allocator.NewNonMoving())
	if parser.code == nil {
		if parser.code, err = load(ctx, cacheDir(), libPGQuery); err != nil {
			return err
		}
	}
	if parser.module != nil {
		return nil
	}
	module, err := parser.code.start(ctx)
	if err == nil {
		parser.module = module
	}
	return err
}

// call is one call of the parser. err is the first failure of WebAssembly, after which nothing is
// called.
type call struct {
	ctx    context.Context
	module api.Module
	err    error
}

// run returns the JSON or the protobuf message, or what the parser says about a fault in the text.
func (c *call) run(e entry, text string) (content, fault string) {
	input := c.function("malloc", uint64(len(text)+1))
	result := c.function("malloc", e.size)
	if c.err == nil && !c.module.Memory().WriteString(uint32(input), text+"\x00") {
		c.err = errMemory
	}
	c.function(e.name, result, input)
	if failure := c.pointer(uint32(result) + e.failure); failure != 0 {
		fault = c.text(failure) // a PgQueryError begins with its message
	} else if e.protobuf {
		content = c.message(uint32(result))
	} else {
		content = c.text(uint32(result))
	}
	c.function(e.free, result)
	c.function("free", result)
	c.function("free", input)
	return content, fault
}

// function calls an exported function, and returns its result, if it has one.
func (c *call) function(name string, arguments ...uint64) uint64 {
	if c.err != nil {
		return 0
	}
	results, err := c.module.ExportedFunction(name).Call(c.ctx, arguments...)
	if c.err = err; len(results) == 0 {
		return 0
	}
	return results[0]
}

// pointer reads a pointer.
func (c *call) pointer(at uint32) uint32 {
	if c.err != nil {
		return 0
	}
	value, ok := c.module.Memory().ReadUint32Le(at)
	if !ok {
		c.err = errMemory
	}
	return value
}

// text reads the text that a pointer points to, up to its NUL.
func (c *call) text(at uint32) string {
	from := c.pointer(at)
	if c.err != nil || from == 0 {
		return ""
	}
	memory := c.module.Memory()
	rest, _ := memory.Read(from, memory.Size()-from)
	end := bytes.IndexByte(rest, 0)
	if end < 0 {
		c.err = errMemory
		return ""
	}
	return string(rest[:end])
}

// message reads a PgQueryProtobuf: a length, and a pointer to as many bytes.
func (c *call) message(at uint32) string {
	size, from := c.pointer(at), c.pointer(at+4)
	if c.err != nil {
		return ""
	}
	content, ok := c.module.Memory().Read(from, size)
	if !ok {
		c.err = errMemory
	}
	return string(content)
}
