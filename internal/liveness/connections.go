package liveness

import (
	"crypto/rand"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"
)

const (
	// A peer that sends nothing for keepaliveIdle + keepaliveCount * keepaliveEvery, or does not
	// acknowledge what was sent to it for silence, is gone. Both are less than [Lease].
	keepaliveIdle  = 3 * time.Second
	keepaliveEvery = 2 * time.Second
	keepaliveCount = 2
	silence        = 7 * time.Second
	// connectTimeout bounds one attempt to connect unless the connection string says otherwise.
	connectTimeout = 5 * time.Second
)

// The application_name of a replica's connections is namePrefix and its token; that of the one
// which shows that it is alive ends in aliveSuffix too. PostgreSQL keeps 63 bytes of a name.
const (
	namePrefix  = "onboardbot "
	aliveSuffix = " alive"
)

// Configure prepares the connections of one replica, which may hold locks. Both ends notice within
// the [Lease] when the other is gone without a word, by TCP keepalives and a limit to how long
// sent data stays unacknowledged: here by tcp(7), at the server by its parameters
// (https://www.postgresql.org/docs/current/runtime-config-connection.html). The connections have a
// name by which [EndLapsed] finds them.
func Configure(config *pgx.ConnConfig) {
	parameters := config.RuntimeParams
	parameters["application_name"] = namePrefix + rand.Text()
	for name, value := range map[string]int64{
		"tcp_keepalives_idle":     int64(keepaliveIdle / time.Second),
		"tcp_keepalives_interval": int64(keepaliveEvery / time.Second),
		"tcp_keepalives_count":    keepaliveCount,
		"tcp_user_timeout":        silence.Milliseconds(),
	} {
		parameters[name] = strconv.FormatInt(value, 10)
	}
	dialer := &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: keepaliveIdle, Interval: keepaliveEvery, Count: keepaliveCount,
		},
		Control: limitSilence,
	}
	config.DialFunc = dialer.DialContext
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
}

// limitSilence has the kernel close a TCP connection whose peer acknowledges nothing (tcp(7),
// TCP_USER_TIMEOUT).
func limitSilence(network, _ string, raw syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silence.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}

// token is the part of the name of a replica's connections that no other replica has, empty if
// they were not made by [Configure].
func token(config *pgx.ConnConfig) string {
	token, found := strings.CutPrefix(config.RuntimeParams["application_name"], namePrefix)
	if !found {
		return ""
	}
	return token
}
