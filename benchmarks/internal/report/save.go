package report

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Save writes all files of the report to the folder dir, which is made if it is not there.
func (r Report) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	var table bytes.Buffer
	if err := r.WriteCSV(&table); err != nil {
		return err
	}
	files := map[string][]byte{"report.md": []byte(r.Markdown()), "report.json": append(data, '\n'), "results.csv": table.Bytes()}
	for name, svg := range r.Plots() {
		files[name] = []byte(svg)
	}
	for _, name := range sortedKeys(files) {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
