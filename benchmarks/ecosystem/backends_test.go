package ecosystem

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/jackc/pgx/v5"
	"github.com/lib/pq"

	"github.com/golwan/golwan/lwan"
)

// Clients of databases in handlers. What runs parked needs no goroutine while it waits: a loop goes
// on with other requests. What owns goroutines of its own, or waits for channels, needs Blocking.
//
//	redigo                 parked: redis.NewConn over a connection of lwan.Dial
//	pgx                    parked: ConnConfig.DialFunc is lwan.Dial; also with a context that ends
//	lib/pq, database/sql   Blocking: its pool has goroutines, and waits for channels
//	http.Client            parked: with lwan.Transport (TestTransport in package lwan)

// freePort is a port of 127.0.0.1 that nobody had just now.
func freePort(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// eventually waits until ok has no error.
func eventually(t testing.TB, ok func() error) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
}

// launch starts a server of a database, which is killed at the end of the test.
func launch(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // it may have ended, which Wait says
		_ = cmd.Wait()
	})
}

// startRedis starts one, and returns its address.
func startRedis(t testing.TB) string {
	t.Helper()
	server, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	port := freePort(t)
	launch(t, exec.CommandContext(context.Background(), server, "--port", port, "--bind",
		"127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir()))
	addr := net.JoinHostPort("127.0.0.1", port)
	eventually(t, func() error {
		c, err := redis.Dial("tcp", addr)
		if err != nil {
			return err
		}
		_, err = c.Do("PING")
		return errors.Join(err, c.Close())
	})
	return addr
}

// postgresProgram finds one of PostgreSQL's, which Debian keeps out of the path.
func postgresProgram(t testing.TB, name string) string {
	t.Helper()
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) > 0 {
		return slices.Max(all)
	}
	program, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " of PostgreSQL is not installed")
	}
	return program
}

// startPostgres starts one, and returns how to connect to it. It does not run as root: then it is
// somebody else's.
func startPostgres(t testing.TB) string {
	t.Helper()
	initdb, server := postgresProgram(t, "initdb"), postgresProgram(t, "postgres")
	dir, err := os.MkdirTemp("", "golwan-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	as := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		as.Credential = nobodyElse(t)
		if err := os.Chown(dir, int(as.Credential.Uid), int(as.Credential.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	prepare := exec.CommandContext(t.Context(), initdb, "-D", data, "-U", "golwan", "-A", "trust",
		"--no-sync", "--no-locale", "-E", "UTF8")
	prepare.Dir, prepare.SysProcAttr = dir, as
	if out, err := prepare.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := freePort(t)
	cmd := exec.CommandContext(context.Background(), server, "-D", data, "-p", port, "-k", dir,
		"-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB")
	cmd.Dir, cmd.SysProcAttr = dir, as
	launch(t, cmd)
	where := "postgres://golwan@127.0.0.1:" + port + "/postgres?sslmode=disable"
	eventually(t, func() error {
		c, err := pgx.Connect(t.Context(), where)
		if err != nil {
			return err
		}
		return c.Close(t.Context())
	})
	return where
}

// nobodyElse is the user postgres.
func nobodyElse(t testing.TB) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Skip("there is no user postgres, and it does not run as root")
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// answerTo is the answer to a GET.
func answerTo(t testing.TB, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// parks holds that clients which wait hold no loop: on one loop many do, and others are answered
// meanwhile, until release is called.
func parks(t *testing.T, wait func(req *lwan.Request) (string, error), release func(n int)) {
	t.Helper()
	srv := &lwan.Server{Loops: 1, StallAfter: -1}
	var begun atomic.Int64
	srv.Handle("/wait", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		begun.Add(1) // on the loop that all those before wait on
		text, err := wait(req)
		if err != nil {
			return resp.Text(500, err.Error())
		}
		return resp.Text(200, text)
	})
	srv.Handle("/free", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "free")
	})
	addr, _ := start(t, srv)
	const n = 8
	answers := make(chan string, n)
	for range n {
		go func() { answers <- answerTo(t, "http://"+addr+"/wait") }()
	}
	eventually(t, func() error {
		if got := begun.Load(); got != n {
			select {
			case text := <-answers:
				return fmt.Errorf("one has not waited: %s", text)
			default:
			}
			return fmt.Errorf("%d handlers have begun", got)
		}
		return nil
	})
	if got := answerTo(t, "http://"+addr+"/free"); got != "free" {
		t.Errorf("meanwhile: %s", got)
	}
	release(n)
	for range n {
		if got := <-answers; got != "done" {
			t.Errorf("%s", got)
		}
	}
}

// TestRedigo: a client over a connection of lwan.Dial waits parked.
func TestRedigo(t *testing.T) {
	addr := startRedis(t)
	parks(t, func(req *lwan.Request) (string, error) {
		conn, err := lwan.Dial(req.Context(), "tcp", addr)
		if err != nil {
			return "", err
		}
		c := redis.NewConn(conn, 0, 0)
		defer c.Close()
		got, err := redis.Strings(c.Do("BLPOP", "gate", 0))
		if err != nil {
			return "", err
		}
		return got[1], nil
	}, func(n int) {
		c, err := redis.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for range n {
			if _, err := c.Do("RPUSH", "gate", "done"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestPostgres: pgx waits parked, also behind a context that ends in the middle of a query; lib/pq
// needs Blocking.
func TestPostgres(t *testing.T) {
	where := startPostgres(t)
	cfg, err := pgx.ParseConfig(where)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DialFunc = lwan.Dial
	t.Run("pgx", func(t *testing.T) {
		holder, err := pgx.Connect(t.Context(), where)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := holder.Exec(t.Context(), "select pg_advisory_lock(1)"); err != nil {
			t.Fatal(err)
		}
		parks(t, func(req *lwan.Request) (text string, err error) {
			ctx := req.Context()
			c, err := pgx.ConnectConfig(ctx, cfg)
			if err != nil {
				return "", err
			}
			defer func() { err = errors.Join(err, c.Close(ctx)) }()
			const locked = "(select pg_advisory_lock_shared(1) offset 0) locked"
			err = c.QueryRow(ctx, "select 'done' from "+locked).Scan(&text)
			return text, err
		}, func(int) {
			if err := holder.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	})
	srv := &lwan.Server{Loops: 1, StallAfter: -1}
	srv.Handle("/late", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		c, err := pgx.ConnectConfig(req.Context(), cfg)
		if err != nil {
			return resp.Text(500, err.Error())
		}
		ctx, cancel := context.WithTimeout(req.Context(), 10*time.Millisecond)
		defer cancel()
		_, err = c.Exec(ctx, "select pg_sleep(600)")
		return resp.Text(200, fmt.Sprint(errors.Is(err, context.DeadlineExceeded)))
	})
	db, err := sql.Open("postgres", where)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(4)
	srv.Handle("/pq", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		var n int
		err := db.QueryRowContext(req.Context(),
			"select count(*) from pg_class where relname = any($1)",
			pq.Array([]string{"pg_class"})).Scan(&n)
		return resp.Text(200, fmt.Sprint(n, err))
	}, lwan.Blocking)
	addr, _ := start(t, srv)
	if got := answerTo(t, "http://"+addr+"/late"); got != "true" {
		t.Errorf("a query that is late: %s", got)
	}
	answers := make(chan string)
	const n = 16
	for range n {
		go func() { answers <- answerTo(t, "http://"+addr+"/pq") }()
	}
	for range n {
		if got := <-answers; got != "1 <nil>" {
			t.Errorf("lib/pq: %s", got)
		}
	}
}
