//go:build linux && !golwan_nethttp

package soak_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// What TestSoak's site does with the bodies of requests.

func (s *soakSite) bodyRoutes(srv *lwan.Server) {
	for mode, mw := range map[string][]lwan.Middleware{"inline": nil, "blocking": {lwan.Blocking}} {
		srv.Handle("POST /"+mode+"/echo", echoBody, mw...)
		srv.Handle("POST /"+mode+"/relay", relayBody, mw...)
		srv.Handle("POST /"+mode+"/sum", sumBody, mw...)
		srv.Handle("POST /"+mode+"/parts", sumParts, mw...)
	}
	srv.Handle("POST /upload", sumUpload)
	srv.Handle("POST /form", showForm)
	srv.Handle("POST /json", answerJSON)
	srv.Handle("POST /ignore", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "ignored")
	})
	srv.Handle("POST /nethttp", lwan.FromHTTP(http.HandlerFunc(relayHTTP)))
	strict := srv.Group("/strict",
		lwan.WithLimits(lwan.Limits{Read: soakPause, Write: soakPause, Body: 1000}))
	strict.Handle("POST /echo", echoBody)
	strict.Handle("GET /bytes/{id}/{n}", sendBytes)
}

func echoBody(req *lwan.Request, resp *lwan.Response) lwan.Status {
	b, err := req.BodyBytes()
	if err != nil {
		return resp.Fail(err)
	}
	return resp.Data(200, "application/octet-stream", b)
}

// relayBody sends what comes as it comes.
func relayBody(req *lwan.Request, resp *lwan.Response) lwan.Status {
	buf := make([]byte, 20_000)
	for {
		n, err := req.Body().Read(buf)
		resp.Write(buf[:n]) // its error is Flush's, too
		if err == io.EOF {
			return 200
		}
		if err = errors.Join(err, resp.Flush()); err != nil {
			return resp.Fail(err)
		}
	}
}

func sumBody(req *lwan.Request, resp *lwan.Response) lwan.Status {
	sum := crc32.NewIEEE()
	n, err := io.Copy(sum, req.Body())
	if err != nil {
		return resp.Fail(err)
	}
	return resp.Text(200, sumLine(int(n), sum.Sum32(), req.Trailer("X-Trailer")))
}

func sumLine(n int, sum uint32, trailer string) string {
	return fmt.Sprintf("%d %08x %s\n", n, sum, trailer)
}

func sumParts(req *lwan.Request, resp *lwan.Response) lwan.Status {
	var out strings.Builder
	for part, err := range req.Parts() {
		if err != nil {
			return resp.Fail(err)
		}
		sum := crc32.NewIEEE()
		n, err := io.Copy(sum, part)
		if err != nil {
			return resp.Fail(err)
		}
		out.WriteString(part.FormName() + " " + sumLine(int(n), sum.Sum32(), ""))
	}
	return resp.Text(200, out.String())
}

// sumUpload answers what sumParts does. Files that are on disk are read away from the loop.
func sumUpload(req *lwan.Request, resp *lwan.Response) lwan.Status {
	form, err := req.Form()
	if err != nil {
		return resp.Fail(err)
	}
	out, err := lwan.Await(req, func(context.Context) (string, error) {
		var out strings.Builder
		for i := 0; ; i++ {
			header, ok := form.File("file" + strconv.Itoa(i))
			if !ok {
				return out.String(), nil
			}
			f, err := header.Open()
			if err != nil {
				return "", err
			}
			sum := crc32.NewIEEE()
			n, err := io.Copy(sum, f)
			if err = errors.Join(err, f.Close()); err != nil {
				return "", err
			}
			fmt.Fprintf(&out, "file%d %s", i, sumLine(int(n), sum.Sum32(), ""))
		}
	})
	if err != nil {
		return resp.Fail(err)
	}
	return resp.Text(200, out)
}

func showForm(req *lwan.Request, resp *lwan.Response) lwan.Status {
	form, err := req.Form()
	if err != nil {
		return resp.Fail(err)
	}
	return resp.Text(200, form.Get("first")+"\n"+strings.Join(form.All("more"), "|"))
}

// soakItem is what goes in and out as JSON.
type soakItem struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

func (it soakItem) Validate() error {
	if it.Count < 0 {
		return errors.New("count is negative")
	}
	return nil
}

func answerJSON(req *lwan.Request, resp *lwan.Response) lwan.Status {
	item, err := lwan.ReadJSON[soakItem](req)
	if err != nil {
		return resp.Fail(err)
	}
	item.Count++
	return resp.JSON(200, item)
}

// relayHTTP is relayBody as net/http has it.
func relayHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	if err := control.EnableFullDuplex(); err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	buf := make([]byte, 20_000)
	for {
		n, err := r.Body.Read(buf)
		if _, werr := w.Write(buf[:n]); werr != nil || err != nil && err != io.EOF {
			panic(http.ErrAbortHandler)
		}
		if err == io.EOF {
			return
		}
		if control.Flush() != nil {
			panic(http.ErrAbortHandler)
		}
	}
}
