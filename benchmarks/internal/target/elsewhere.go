package target

import (
	"fmt"
	"strings"
)

// Elsewhere is a target that a test or a Go benchmark is about, and not a workload.
type Elsewhere struct {
	Name    string // what is held
	Package string // below the root of the repository
	Func    string // TestX or BenchmarkX
}

// Command runs it, in the root of the repository.
func (e Elsewhere) Command() string {
	folder, pattern := "", e.Package
	if inner, ours := strings.CutPrefix(e.Package, "benchmarks/"); ours {
		folder, pattern = "cd benchmarks && ", inner
	}
	if strings.HasPrefix(e.Func, "Test") {
		return fmt.Sprintf("%sgo test -run '^%s$' ./%s", folder, e.Func, pattern)
	}
	return fmt.Sprintf("%sgo test -run '^$' -bench '^%s$' -count 6 ./%s", folder, e.Func, pattern)
}

// Others lists the targets that are not among All.
func Others() []Elsewhere {
	return []Elsewhere{
		{"hello: no allocation", "lwan", "TestHelloAllocatesNothing"},
		{"1 KiB file from memory, and 304: no allocation", "handlers/files", "TestAllocations"},
		{"router: 0.4 of the time of net/http.ServeMux; static routes without allocation",
			"router", "BenchmarkRouter"},
		{"router: the same of net/http.ServeMux", "router", "BenchmarkServeMux"},
		{"router: 1.2 of the time of httprouter", "benchmarks/internal/routers", "BenchmarkGitHub"},
		{"cache: 60 ns a hit, no allocation", "cache", "BenchmarkCacheHit"},
		{"cache: 60 ns a hit, no allocation, in parallel", "cache", "BenchmarkCacheHitParallel"},
		{"template: 1.1 of the time of cbroglie/mustache, 0.7 of html/template",
			"template", "BenchmarkRender"},
		{"two loops have 45 to 55 of 100 connections each", "lwan/internal/conn", "TestSpread"},
		{"panics and Goexits leave nothing behind", "lwan", "TestDeathsLeaveNothing"},
		{"connections that end in any way leave nothing behind", "lwan",
			"TestMixedConnectionsLeaveNothing"},
		{"a slow reader of 100 MB: flat memory", "lwan", "TestSlowReaderOfALongStream"},
		{"1,000 streams end at a shutdown", "lwan", "TestShutdownWithThousandStreams"},
		{"stuck handlers hold nobody else", "lwan", "TestStuckHandlersDoNotHoldOthers"},
		{"no false report of a stall", "lwan", "TestWatchdogAcquits"},
		{"a cold file delays no hot ones", "handlers/files", "TestColdMissDelaysNobody"},
		{"1,000 misses at a time make a value once", "cache", "TestConcurrentMissesCreateOnce"},
	}
}
