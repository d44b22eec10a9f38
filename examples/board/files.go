package main

import (
	"mime/multipart"
	"strconv"

	"github.com/golwan/golwan/lwan"
)

// attached is what is stored about files in the database.
func attached(files []*multipart.FileHeader) (list []File) {
	for _, f := range files {
		list = append(list, File{Name: f.Filename, Size: f.Size})
	}
	return list
}

// fileName is where the content is. It is ours; what the client calls a file is only shown.
func fileName(id int64) string { return strconv.FormatInt(id, 10) }

// download offers a file for saving: what others have uploaded is never shown as a page of ours.
func (b *board) download(req *lwan.Request, resp *lwan.Response) lwan.Status {
	id, err := lwan.Param[int64](req, "id")
	if err != nil {
		return resp.Fail(err)
	}
	var name string
	if err := b.store.db.QueryRowContext(req.Context(), "SELECT name FROM files WHERE id = ?",
		id).Scan(&name); err != nil {
		return resp.Fail(err)
	}
	f, err := b.files.Open(fileName(id))
	if err != nil {
		return resp.Fail(err)
	}
	defer f.Close()
	return resp.Download(f, name)
}
