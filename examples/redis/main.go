// Redis counts the visits of each page: the handler talks to it from the loop, with connections
// that park, and needs neither a goroutine nor a client library.
//
//	go run ./examples/redis -redis 127.0.0.1:6379
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"log"
	"strconv"
	"strings"

	"github.com/golwan/golwan/lwan"
)

var redis = &lwan.Dialer{MaxIdle: 16, Greet: func(c *lwan.Conn) error {
	_, err := do(c, "CLIENT", "SETNAME", "golwan")
	return err
}}

func main() {
	srv := &lwan.Server{}
	flag.StringVar(&srv.Addr, "addr", "127.0.0.1:8080", "where to listen")
	flag.IntVar(&srv.Loops, "loops", 0, "event loops; 0: one per CPU")
	flag.StringVar(&redis.Address, "redis", "127.0.0.1:6379", "where Redis listens, or its socket")
	flag.Parse()
	srv.Handle("GET /hits/{page}", hits)
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}

func hits(req *lwan.Request, resp *lwan.Response) lwan.Status {
	c, err := redis.Get(req)
	if err != nil {
		return resp.Fail(err)
	}
	n, err := do(c, "INCR", "hits:"+req.Param("page"))
	if err != nil {
		c.Close() // nobody knows what comes next on it
		return resp.Fail(err)
	}
	c.Keep()
	return resp.Text(200, n+"\n")
}

// do sends one command and reads a simple reply. The reader lives as long as the connection.
func do(c *lwan.Conn, args ...string) (string, error) {
	r, ok := c.Client.(*bufio.Reader)
	if !ok {
		r = bufio.NewReaderSize(c, 512)
		c.Client = r
	}
	command := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		command = fmt.Appendf(command, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := c.Write(command); err != nil {
		return "", err
	}
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	switch line = strings.TrimRight(line, "\r\n"); {
	case strings.HasPrefix(line, "+"), strings.HasPrefix(line, ":"):
		return line[1:], nil
	case strings.HasPrefix(line, "-"):
		return "", errors.New("redis: " + line[1:])
	}
	return "", errors.New("redis: unexpected reply " + strconv.Quote(line))
}
