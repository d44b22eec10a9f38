package threehandlers

import (
	"errors"
	"mime/multipart"
	"net/http"

	"github.com/golwan/golwan/lwan"
)

func withGolwan(s *store) (http.Handler, error) {
	srv := &lwan.Server{ErrorStatus: func(err error) lwan.Status {
		if errors.Is(err, errNone) {
			return 404
		}
		return 0
	}}
	srv.Handle("GET /items", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		q, err := lwan.QueryAs[struct {
			From int `query:"from"`
			Size int `query:"size" default:"20"`
		}](req)
		if err != nil {
			return resp.Fail(err)
		}
		return resp.JSON(200, s.list(q.From, min(max(q.Size, 1), 100)))
	})
	srv.Handle("PATCH /items/{id}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		id, err := lwan.Param[int](req, "id")
		if err != nil {
			return resp.Fail(err)
		}
		patch, err := lwan.ReadJSON[struct {
			Title *string `json:"title"`
			Done  *bool   `json:"done"`
		}](req)
		if err != nil {
			return resp.Fail(err)
		}
		it, err := s.change(id, func(it *item) {
			if patch.Title != nil {
				it.Title = *patch.Title
			}
			if patch.Done != nil {
				it.Done = *patch.Done
			}
		})
		if err != nil {
			return resp.Fail(err)
		}
		return resp.JSON(200, it)
	})
	srv.Handle("POST /items/{id}/file", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		id, err := lwan.Param[int](req, "id")
		if err != nil {
			return resp.Fail(err)
		}
		form, err := lwan.FormAs[struct {
			File *multipart.FileHeader `form:"file,required"`
		}](req)
		if err != nil {
			return resp.Fail(err)
		}
		n, err := s.keep(id, form.File)
		if err != nil {
			return resp.Fail(err)
		}
		return resp.JSON(201, map[string]int64{"size": n})
	}, lwan.Blocking, lwan.WithLimits(lwan.Limits{Body: 8 << 20}))
	h, err := srv.Build()
	return lwan.ToHTTP(h), err
}
