package files

import (
	"path"
	"strings"
)

// iconOf names the picture of a file in a listing, by its type: one of folder, image, audio, video,
// archive, text and file. Only the types that are built in count: a picture is not worth more.
func iconOf(r *row) string {
	if r.dir {
		return "folder"
	}
	t := knownTypes[strings.ToLower(path.Ext(r.name))]
	kind, sub, _ := strings.Cut(t, "/")
	switch {
	case kind == "image", kind == "audio", kind == "video", kind == "text":
		return kind
	case sub == "json", sub == "xml", sub == "pdf", sub == "yaml", sub == "toml", sub == "sql",
		strings.HasSuffix(sub, "+xml"),
		strings.HasSuffix(sub, "+json"):
		return "text"
	case sub == "zip", sub == "gzip", sub == "zstd", strings.HasPrefix(sub, "x-"), sub == "vnd.rar",
		sub == "java-archive":
		return "archive"
	}
	return "file"
}
