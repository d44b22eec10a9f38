package files

import (
	"context"
	"io/fs"
)

// findStored looks for compressed files beside a file. They count if they are not older and
// smaller. One that cannot be read is left out.
func (s *site) findStored(ctx context.Context, r *resource, name string, plain stamp) error {
	r.offers = 1 << identity
	if s.config.NoStored {
		return nil
	}
	for c := gzip; c < codings; c++ {
		p, err := s.storedForm(ctx, name+codingSuffixes[c], c, plain)
		if isAny(err, exhausted) || ctx.Err() != nil {
			return err
		}
		if p != nil {
			r.stored[c] = p
			r.offers |= 1 << c
		}
	}
	return nil
}

func (s *site) storedForm(
	ctx context.Context, name string, c coding, plain stamp,
) (*representation, error) {
	f, fi, err := s.tree.open(name)
	if err != nil {
		return nil, err
	}
	if !fresh(fi, plain) {
		return nil, f.Close()
	}
	got, err := s.loader.load(ctx, name, f, c)
	if err != nil {
		return nil, err
	}
	return got.representation, nil
}

// fresh reports whether a compressed file can be one of the file as it is now.
func fresh(fi fs.FileInfo, plain stamp) bool {
	return !fi.IsDir() && fi.Size() < plain.size && nanoseconds(fi.ModTime()) >= plain.modified
}

// offer adds the codings that can be made in memory of a content up to some size, and says what the
// answer depends on beside them.
func (s *site) offer(r *resource, vary string, limit int64) {
	if !s.config.NoCompression && r.plain.size >= minPack && r.plain.size <= limit &&
		compressible(r.ctype) {
		r.offers |= 1<<gzip | 1<<zstd | 1<<br
	}
	r.vary = vary
	if r.offers != 1<<identity {
		if vary != "" {
			r.vary += ", "
		}
		r.vary += "Accept-Encoding"
	}
}
