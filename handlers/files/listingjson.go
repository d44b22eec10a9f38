package files

import (
	"encoding/json"
	"io"
	"strings"
)

// rowJSON is a row in JSON.
type rowJSON struct {
	Name     string `json:"name"`
	Type     string `json:"type"` // file or directory
	Href     string `json:"href"`
	Size     *int64 `json:"size,omitempty"` // bytes, of a file
	Modified string `json:"modified,omitempty"`
}

// writeJSON writes {"path": ..., "entries": [...], "more": ...}, row by row.
func writeJSON(w io.Writer, path string, k pageKey) error {
	head, err := json.Marshal(path)
	if err != nil {
		return err
	}
	buf := append([]byte(`{"path":`), head...)
	buf = append(buf, `,"entries":[`...)
	for n, i := range k.of.sorted(k.order) {
		r := &k.of.rows[i]
		if n > 0 {
			buf = append(buf, ',')
		}
		line, err := json.Marshal(r.json())
		if err != nil {
			return err
		}
		if buf = append(append(buf, '\n'), line...); len(buf) >= copySize/2 {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	buf = append(buf, "\n],\"more\":"...)
	if k.of.more {
		buf = append(buf, "true}\n"...)
	} else {
		buf = append(buf, "false}\n"...)
	}
	_, err = w.Write(buf)
	return err
}

func (r *row) json() rowJSON {
	v := r.view()
	out := rowJSON{
		Name: strings.TrimSuffix(v.Name, "/"), Type: "directory", Href: v.Href,
		Modified: v.TimeHTML,
	}
	if !r.dir {
		out.Type, out.Size = "file", &r.size
	}
	return out
}
