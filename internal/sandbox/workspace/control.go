package workspace

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
)

// Control serves what people do over HTTP, for demos and tests in other processes; Dial is its
// client. Every path takes and gives JSON; /look holds its answer back until something has
// changed. Package page shows the same to people.
func (w *Workspace) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /act", func(rw http.ResponseWriter, r *http.Request) {
		var a Action
		if decode(rw, r, &a) {
			out, err := w.Act(r.Context(), a)
			encode(rw, out, err)
		}
	})
	mux.HandleFunc("POST /order", func(rw http.ResponseWriter, r *http.Request) {
		var f Fault
		if decode(rw, r, &f) {
			encode(rw, struct{}{}, w.Order(r.Context(), f))
		}
	})
	mux.HandleFunc("GET /look", func(rw http.ResponseWriter, r *http.Request) {
		after, err := strconv.ParseUint(r.FormValue("after"), 10, 64)
		if err != nil {
			http.Error(rw, "after: "+err.Error(), http.StatusBadRequest)
			return
		}
		s, err := w.Look(r.Context(), r.FormValue("user"), after)
		encode(rw, s, err)
	})
	mux.HandleFunc("GET /events", func(rw http.ResponseWriter, r *http.Request) {
		after, err := strconv.Atoi(r.FormValue("after"))
		if err != nil {
			http.Error(rw, "after: "+err.Error(), http.StatusBadRequest)
			return
		}
		events, err := w.Transcript(r.Context(), after)
		encode(rw, events, err)
	})
	return mux
}

func decode(rw http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 64<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

// encode answers with a value or with an error: 422 is what a person cannot do.
func encode(rw http.ResponseWriter, v any, err error) {
	switch {
	case errors.Is(err, ErrCannot):
		http.Error(rw, err.Error(), http.StatusUnprocessableEntity)
	case err != nil:
		http.Error(rw, err.Error(), http.StatusBadRequest)
	default:
		rw.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(rw).Encode(v) // The caller may be gone.
	}
}
