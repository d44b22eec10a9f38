package handlers_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// document is JSON as programs send it.
func document(b testing.TB, size int) []byte {
	b.Helper()
	var list []map[string]any
	var text []byte
	for i := 0; len(text) < size; i++ {
		list = append(list, map[string]any{
			"id": i, "name": fmt.Sprint("user ", i*7919%1000),
			"mail": fmt.Sprintf("u%d@example.com", i), "active": i%3 == 0,
		})
		if i%16 == 0 {
			var err error
			if text, err = json.Marshal(list); err != nil {
				b.Fatal(err)
			}
		}
	}
	return text[:size]
}

// BenchmarkCompress is what one answer costs more than BenchmarkCompress/identity.
func BenchmarkCompress(b *testing.B) {
	for _, size := range []int{2 << 10, 64 << 10, 1 << 20} {
		body := document(b, size)
		srv := &lwan.Server{}
		srv.Handle("/", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Data(200, "application/json", body)
		}, handlers.Compress(handlers.CompressConfig{}))
		h := lwan.ToHTTP(lwantest.Build(b, srv))
		for _, coding := range []string{"identity", "gzip", "br", "zstd"} {
			b.Run(fmt.Sprintf("%s/%dKiB", coding, size>>10), func(b *testing.B) {
				r := newRequest(b, "GET", "/", "Accept-Encoding", coding)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					h.ServeHTTP(&nobody{}, r)
				}
			})
		}
	}
}
