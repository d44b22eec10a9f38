package main

import (
	"errors"
	"io"
	"mime/multipart"
	"strconv"

	"github.com/golwan/golwan/lwan"
)

// attached is what is stored about files.
func attached(files []*multipart.FileHeader) (list []File) {
	for _, f := range files {
		list = append(list, File{Name: f.Filename, Size: f.Size})
	}
	return list
}

// keep saves the content of a file. Its name is ours; what the client has called it is only shown.
func (b *board) keep(id int64, from *multipart.FileHeader) error {
	src, err := from.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := b.files.Create(strconv.FormatInt(id, 10))
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}

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
	f, err := b.files.Open(strconv.FormatInt(id, 10))
	if err != nil {
		return resp.Fail(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return resp.Fail(err)
	}
	resp.SetContentType("application/octet-stream")
	resp.SetHeader("Content-Disposition", lwan.Attachment(name))
	if err := resp.SendFile(f, 0, info.Size()); err != nil {
		return resp.Fail(err)
	}
	return 200
}
