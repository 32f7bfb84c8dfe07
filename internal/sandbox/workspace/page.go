package workspace

import "net/http"

func (w *Workspace) servePicture(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	f := w.files[r.PathValue("id")]
	w.mu.Unlock()
	if f == nil {
		http.NotFound(rw, r)
		return
	}
	rw.Header().Set("Content-Type", http.DetectContentType(f.data))
	_, _ = rw.Write(f.data)
}

func (w *Workspace) servePage(rw http.ResponseWriter, r *http.Request) { http.NotFound(rw, r) }
