package threehandlers

import (
	"errors"
	"log"
	"mime/multipart"
	"net/http"

	"github.com/gin-gonic/gin"
)

func withGin(s *store) (http.Handler, error) {
	r := gin.New()
	r.Use(gin.Recovery())
	limited := func(n int64) gin.HandlerFunc {
		return func(c *gin.Context) {
			c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, n)
		}
	}
	refuse := func(c *gin.Context, status int, err error) {
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			status = http.StatusRequestEntityTooLarge
		case errors.Is(err, errNone):
			status = http.StatusNotFound
		case status == http.StatusInternalServerError:
			log.Print(err)
		}
		c.JSON(status, gin.H{"error": http.StatusText(status)})
	}
	type named struct {
		ID int `uri:"id"`
	}
	r.GET("/items", func(c *gin.Context) {
		var q struct {
			From int `form:"from"`
			Size int `form:"size,default=20"`
		}
		if err := c.ShouldBindQuery(&q); err != nil {
			refuse(c, http.StatusBadRequest, err)
			return
		}
		c.JSON(http.StatusOK, s.list(q.From, min(max(q.Size, 1), 100)))
	})
	r.PATCH("/items/:id", limited(1<<20), func(c *gin.Context) {
		var of named
		if err := c.ShouldBindUri(&of); err != nil {
			refuse(c, http.StatusNotFound, err)
			return
		}
		var patch struct {
			Title *string `json:"title"`
			Done  *bool   `json:"done"`
		}
		if err := c.ShouldBindJSON(&patch); err != nil {
			refuse(c, http.StatusBadRequest, err)
			return
		}
		it, err := s.change(of.ID, func(it *item) {
			if patch.Title != nil {
				it.Title = *patch.Title
			}
			if patch.Done != nil {
				it.Done = *patch.Done
			}
		})
		if err != nil {
			refuse(c, http.StatusInternalServerError, err)
			return
		}
		c.JSON(http.StatusOK, it)
	})
	r.POST("/items/:id/file", limited(8<<20), func(c *gin.Context) {
		var of named
		if err := c.ShouldBindUri(&of); err != nil {
			refuse(c, http.StatusNotFound, err)
			return
		}
		var form struct {
			File *multipart.FileHeader `form:"file" binding:"required"`
		}
		if err := c.ShouldBind(&form); err != nil {
			refuse(c, http.StatusBadRequest, err)
			return
		}
		n, err := s.keep(of.ID, form.File)
		if err != nil {
			refuse(c, http.StatusInternalServerError, err)
			return
		}
		c.JSON(http.StatusCreated, gin.H{"size": n})
	})
	return r, nil
}
