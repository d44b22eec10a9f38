package threehandlers

import (
	"cmp"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

func withChi(s *store) (http.Handler, error) {
	r := chi.NewRouter()
	r.Use(middleware.Recoverer)
	answer := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(v); err != nil {
			log.Print(err)
		}
	}
	refuse := func(w http.ResponseWriter, status int, err error) {
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			status = http.StatusRequestEntityTooLarge
		case errors.Is(err, errNone):
			status = http.StatusNotFound
		case status == http.StatusInternalServerError:
			log.Print(err)
		}
		answer(w, status, map[string]string{"error": http.StatusText(status)})
	}
	r.Get("/items", func(w http.ResponseWriter, r *http.Request) {
		from, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("from"), "0"))
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		size, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("size"), "20"))
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		answer(w, http.StatusOK, s.list(from, min(max(size, 1), 100)))
	})
	r.With(middleware.RequestSize(1<<20)).Patch("/items/{id}",
		func(w http.ResponseWriter, r *http.Request) {
			id, err := strconv.Atoi(chi.URLParam(r, "id"))
			if err != nil {
				refuse(w, http.StatusNotFound, err)
				return
			}
			var patch struct {
				Title *string `json:"title"`
				Done  *bool   `json:"done"`
			}
			if err := json.NewDecoder(r.Body).Decode(&patch); err != nil {
				refuse(w, http.StatusBadRequest, err)
				return
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
				refuse(w, http.StatusInternalServerError, err)
				return
			}
			answer(w, http.StatusOK, it)
		})
	r.With(middleware.RequestSize(8<<20)).Post("/items/{id}/file",
		func(w http.ResponseWriter, r *http.Request) {
			id, err := strconv.Atoi(chi.URLParam(r, "id"))
			if err != nil {
				refuse(w, http.StatusNotFound, err)
				return
			}
			if err := r.ParseMultipartForm(1 << 20); err != nil {
				refuse(w, http.StatusBadRequest, err)
				return
			}
			defer r.MultipartForm.RemoveAll()
			files := r.MultipartForm.File["file"]
			if len(files) == 0 {
				refuse(w, http.StatusBadRequest, http.ErrMissingFile)
				return
			}
			n, err := s.keep(id, files[0])
			if err != nil {
				refuse(w, http.StatusInternalServerError, err)
				return
			}
			answer(w, http.StatusCreated, map[string]int64{"size": n})
		})
	return r, nil
}
