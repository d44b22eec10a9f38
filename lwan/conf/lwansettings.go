package conf

import (
	"log/slog"
	"net/http"
	"os"
	"slices"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/template"
)

// lwanFilters are what settings of Lwan's mean.
func (e *edition) lwanFilters() (list []lwan.Middleware) {
	c := &e.config.settings
	if c.AllowCors {
		list = append(list, handlers.CORS(handlers.CORSConfig{Origins: []string{"*"}}))
	}
	for method, size := range map[string]Size{"POST": c.MaxPostDataSize, "PUT": c.MaxPutDataSize} {
		if size > 0 {
			list = append(list, guarded(lwan.WithLimits(lwan.Limits{Body: int64(size)}), []guard{
				func(req *lwan.Request) bool { return req.Method() == method },
			}))
		}
	}
	if slices.ContainsFunc(e.config.listeners, func(l *listener) bool { return l.Hsts }) {
		list = append(list, handlers.HSTS(handlers.HSTSConfig{IncludeSubdomains: true}))
	}
	return list
}

// errorPage is what the template of an error page is about, by Lwan's names.
type errorPage struct {
	Short string `mustache:"short_message"`
	Long  string `mustache:"long_message"`
	Code  int    `mustache:"code"`
}

// errorTemplate makes error pages of a mustache file.
func errorTemplate(file string) (func(*lwan.Request, *lwan.Response, lwan.Status) lwan.Status,
	error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	page, err := template.Compile[errorPage](file, string(text), template.Set{})
	if err != nil {
		return nil, err
	}
	return func(req *lwan.Request, resp *lwan.Response, st lwan.Status) lwan.Status {
		return resp.Render(st, page.With(errorPage{
			Short: http.StatusText(int(st)), Long: resp.Message(), Code: int(st),
		}))
	}, nil
}

// newLogger makes the logger of a log section. Quiet leaves out what is no warning.
func newLogger(w *logFile, c *logConfig, quiet bool) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		return nil, err
	}
	if quiet {
		level = max(level, slog.LevelWarn)
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return slog.New(slog.NewTextHandler(w, options)), nil
}
