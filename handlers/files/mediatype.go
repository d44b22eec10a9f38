package files

import (
	"bytes"
	"mime"
	"net/http"
	"path"
	"strings"
	"unicode/utf8"
)

const unknownType = "application/octet-stream"

// mediaTypes finds the media type of a file: by what the configuration says of its extension, by
// what is known of it everywhere, by what the system says, and by what the file begins with, if
// that is wanted.
type mediaTypes struct {
	own   map[string]string
	sniff bool
}

func newMediaTypes(own map[string]string, sniff bool) *mediaTypes {
	m := &mediaTypes{map[string]string{}, sniff}
	for ext, t := range own {
		m.own[strings.ToLower(ext)] = t
	}
	return m
}

// of returns a value for Content-Type (RFC 9110 section 8.3). head is how the file begins.
func (m *mediaTypes) of(name string, head []byte) string {
	ext := strings.ToLower(path.Ext(name))
	t, ok := m.own[ext]
	if !ok {
		t, ok = knownTypes[ext]
	}
	if !ok {
		t = mime.TypeByExtension(ext) // reads the system's tables once
	}
	switch {
	case t == "" && m.sniff:
		return http.DetectContentType(head)
	case t == "":
		return unknownType
	}
	return withCharset(t, head)
}

// withCharset says that a text is in UTF-8 if it is. Of any other text nothing is said: the client
// finds it in the text, or guesses.
func withCharset(t string, head []byte) string {
	base, params, _ := strings.Cut(t, ";")
	if !strings.HasPrefix(base, "text/") {
		return t
	}
	if params != "" && strings.TrimSpace(params) != "charset=utf-8" {
		return t
	}
	if !isText(head) {
		return strings.TrimSpace(base)
	}
	return strings.TrimSpace(base) + "; charset=utf-8"
}

// isText reports whether the first bytes of a file are text in UTF-8.
func isText(head []byte) bool {
	cut := 0
	if len(head) >= endSize { // the last character may be cut
		for cut < utf8.UTFMax-1 && !utf8.Valid(head[:len(head)-cut]) {
			cut++
		}
	}
	return utf8.Valid(head[:len(head)-cut]) && bytes.IndexByte(head, 0) < 0
}

// compressible reports whether content of a type is usually worth being compressed.
func compressible(t string) bool {
	base, _, _ := strings.Cut(t, ";")
	base = strings.TrimSpace(base)
	if strings.HasPrefix(base, "text/") || strings.HasSuffix(base, "+json") ||
		strings.HasSuffix(base, "+xml") {
		return true
	}
	switch base {
	case "application/json", "application/xml", "application/javascript", "application/wasm",
		"application/manifest+json",
		"application/rtf", "application/sql", "application/toml", "application/yaml",
		"application/x-sh", "application/x-tar",
		"application/vnd.ms-fontobject", "font/ttf", "font/otf",
		"font/collection", "image/bmp", "image/x-icon",
		"image/vnd.microsoft.icon":
		return true
	}
	return false
}

// knownTypes are the extensions that sites are made of. What a system's tables say of them differs
// between systems, and is sometimes wrong for browsers.
var knownTypes = map[string]string{
	".html": "text/html", ".htm": "text/html", ".xhtml": "application/xhtml+xml",
	".css": "text/css", ".csv": "text/csv", ".js": "text/javascript", ".mjs": "text/javascript",
	".json": "application/json", ".map": "application/json",
	".webmanifest": "application/manifest+json", ".jsonld": "application/ld+json",
	".geojson": "application/geo+json", ".xml": "application/xml", ".rss": "application/rss+xml",
	".atom": "application/atom+xml", ".wasm": "application/wasm", ".txt": "text/plain",
	".text": "text/plain", ".log": "text/plain", ".conf": "text/plain", ".ini": "text/plain",
	".md": "text/markdown", ".markdown": "text/markdown", ".ics": "text/calendar",
	".vcf": "text/vcard", ".vtt": "text/vtt", ".yaml": "application/yaml",
	".yml": "application/yaml", ".toml": "application/toml", ".sql": "application/sql",
	".c": "text/plain", ".h": "text/plain", ".go": "text/plain", ".py": "text/plain",
	".sh": "text/plain", ".rs": "text/plain", ".java": "text/plain", ".mod": "text/plain",
	".sum": "text/plain", ".diff": "text/plain",
	".patch": "text/plain",

	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
	".webp": "image/webp", ".avif": "image/avif", ".svg": "image/svg+xml", ".ico": "image/x-icon",
	".bmp": "image/bmp", ".tif": "image/tiff",
	".tiff": "image/tiff", ".heic": "image/heic", ".jxl": "image/jxl",

	".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf",
	".ttc": "font/collection",
	".eot": "application/vnd.ms-fontobject",

	".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".aac": "audio/aac", ".flac": "audio/flac",
	".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav",
	".weba": "audio/webm", ".mid": "audio/midi", ".mp4": "video/mp4", ".m4v": "video/mp4",
	".webm": "video/webm", ".ogv": "video/ogg", ".mov": "video/quicktime",
	".avi": "video/x-msvideo", ".mkv": "video/matroska", ".mpeg": "video/mpeg",
	".mpg": "video/mpeg", ".ts": "video/mp2t",
	".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml",

	".pdf": "application/pdf", ".epub": "application/epub+zip", ".rtf": "application/rtf",
	".zip": "application/zip", ".gz": "application/gzip", ".tgz": "application/gzip",
	".zst": "application/zstd", ".br": "application/octet-stream", ".xz": "application/x-xz",
	".bz2": "application/x-bzip2", ".7z": "application/x-7z-compressed",
	".rar": "application/vnd.rar", ".tar": "application/x-tar", ".jar": "application/java-archive",
	".iso": "application/x-iso9660-image", ".deb": "application/vnd.debian.binary-package",
	".bin": unknownType, ".exe": "application/vnd.microsoft.portable-executable",
	".dmg": "application/x-apple-diskimage", ".doc": "application/msword",
	".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".odt":  "application/vnd.oasis.opendocument.text",
	".ods":  "application/vnd.oasis.opendocument.spreadsheet",
	".odp":  "application/vnd.oasis.opendocument.presentation",
}
