package sqltree

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// compiledBy names the compiler in the path of the cache, since machine code of another version
// must not run. wazero itself tells versions apart, but not in the binaries of tests.
const compiledBy = "wazero@v1.12.0"

// cacheDir is the directory that keeps the compiled parser between processes, in the user's cache
// folder. It is empty where there is none, or where others could write the machine code in it.
func cacheDir() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	dir := filepath.Join(cache, "onboardbot", compiledBy)
	if os.MkdirAll(dir, 0o700) != nil || !private(dir) {
		return ""
	}
	return dir
}

// private reports whether a directory is the user's own, and nobody else can write to it.
func private(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	const othersWrite fs.FileMode = 0o022
	return ok && info.IsDir() && int(owner.Uid) == os.Geteuid() && info.Mode().Perm()&othersWrite == 0
}

// code is a compiled module of WebAssembly.
type code struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
}

// load compiles a module, or takes what an earlier process compiled from a directory, which it
// removes where that fails. Without the name of a directory, it compiles.
func load(ctx context.Context, dir string, binary []byte) (*code, error) {
	if dir != "" {
		if cache, err := wazero.NewCompilationCacheWithDir(dir); err == nil {
			if c, err := compile(ctx, cache, binary); err == nil {
				return c, nil
			}
		}
		_ = os.RemoveAll(dir) // a file that is damaged would fail again
	}
	return compile(ctx, wazero.NewCompilationCache(), binary)
}

// compile compiles a module as newRT of go-pgquery does, but with a cache of the caller's.
func compile(ctx context.Context, cache wazero.CompilationCache, binary []byte) (*code, error) {
	c := &code{runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(cache).
		WithDebugInfoEnabled(false).WithCoreFeatures(api.CoreFeaturesV2|experimental.CoreFeaturesThreads))}
	wasi_snapshot_preview1.MustInstantiate(ctx, c.runtime)
	provideHost(ctx, c.runtime)
	var err error
	if c.compiled, err = c.runtime.CompileModule(ctx, binary); err != nil {
		_ = c.runtime.Close(ctx)
		return nil, err
	}
	return c, nil
}

// start starts the parser in a memory of its own.
func (c *code) start(ctx context.Context) (api.Module, error) {
	return c.runtime.InstantiateModule(ctx, c.compiled,
		wazero.NewModuleConfig().WithSysNanotime().WithStartFunctions("_initialize", "pg_query_init"))
}
