package workspace

import (
	"net/http"
	"strconv"
	"time"
)

// bucket is a token bucket: so many at once, and then so many per second.
type bucket struct {
	size, perSecond, left float64
	at                    time.Time
}

// take takes one, or says how long to wait for it.
func (b *bucket) take(now time.Time) time.Duration {
	b.left = min(b.size, b.left+now.Sub(b.at).Seconds()*b.perSecond)
	b.at = now
	if b.left >= 1 {
		b.left--
		return 0
	}
	return time.Duration((1 - b.left) / b.perSecond * float64(time.Second))
}

// rates are the rate limits that the Web API holds the app to.
type rates struct {
	w       *Workspace
	buckets map[string]*bucket
}

// limit takes from the named bucket. The caller holds mu.
func (rt *rates) limit(name string, size, perSecond float64) error {
	if rt.w.cfg.Rates.Off {
		return nil
	}
	now := time.Now()
	b := rt.buckets[name]
	if b == nil {
		b = &bucket{size: size, perSecond: perSecond, left: size, at: now}
		rt.buckets[name] = b
	}
	if wait := b.take(now); wait > 0 {
		return &apiError{code: "ratelimited", status: http.StatusTooManyRequests, retryAfter: max(wait, time.Second)}
	}
	return nil
}

// limitTier holds a method to its tier: docs.slack.dev/apis/web-api/rate-limits.
func (rt *rates) limitTier(name string, tier int) error {
	if tier == 0 {
		return nil
	}
	n := float64(rt.w.cfg.Rates.Tiers[tier-1])
	return rt.limit("method "+name+" "+strconv.Itoa(tier), n, n/60)
}

// limitPost holds chat.postMessage to one a second per channel, and to several hundred a minute
// in all.
func (rt *rates) limitPost(channel string) error {
	if err := rt.limit("post "+channel, float64(rt.w.cfg.Rates.PostBurst), 1); err != nil {
		return err
	}
	n := float64(rt.w.cfg.Rates.PostsPerMinute)
	return rt.limit("post", n, n/60)
}
