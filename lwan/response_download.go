package lwan

import "os"

// Download answers a whole file for saving under that name: with Content-Disposition of Attachment,
// and as application/octet-stream unless there is a Content-Type, so that what others have uploaded
// is never shown as a page of the site. f must be a regular file, and stay open until it returns; it
// is sent from its start as SendFile does, without ranges. It parks while it is sent. An error is
// answered through Fail.
//
//	f, err := dir.Open(id)
//	if err != nil {
//		return resp.Fail(err)
//	}
//	defer f.Close()
//	return resp.Download(f, "sales 2026.csv")
func (r *Response) Download(f *os.File, name string) Status {
	r.mustLive()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "download", Path: f.Name(), Err: os.ErrInvalid}
	}
	if err != nil {
		return r.Fail(err)
	}
	r.finishing(StatusOK)
	if r.ctype == "" {
		r.SetContentType("application/octet-stream")
	}
	r.SetHeader("Content-Disposition", Attachment(name))
	if err := r.SendFile(f, 0, info.Size()); err != nil {
		return r.Fail(err)
	}
	return StatusOK
}
