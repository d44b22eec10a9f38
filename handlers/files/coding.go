package files

// coding is a content coding (RFC 9110 section 8.4.1). Higher ones are preferred where the client
// does not care: they are usually smaller.
type coding uint8

const (
	identity coding = iota
	gzip
	zstd // RFC 8878
	br   // RFC 7932
	codings
)

var codingNames = [codings]string{"identity", "gzip", "zstd", "br"}

// codingSuffixes are the extensions of compressed files beside their originals.
var codingSuffixes = [codings]string{"", ".gz", ".zst", ".br"}

func (c coding) name() string { return codingNames[c] }
