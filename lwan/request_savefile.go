package lwan

import (
	"crypto/rand"
	"errors"
	"io"
	"mime/multipart"
	"os"
)

// SaveFile keeps a file of a form in dir, under a name that the program chooses: what the client
// calls it, file.Filename, is only good for being shown. A file of that name is replaced, once the
// new one is whole; after an error nothing has changed. Its mode is 0600. It blocks: call it in
// Await or in a Blocking handler. That it is on disk is not waited for (fsync).
func SaveFile(file *multipart.FileHeader, dir *os.Root, name string) error {
	from, err := file.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	part := "." + rand.Text() + ".part"
	to, err := dir.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err == nil {
		err = dir.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, dir.Remove(part))
	}
	return nil
}
