package store

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/atlilith/onboardbot/onboarding/audit"
)

// recordWriter writes rows in PostgreSQL's binary format as the records of the chain.
type recordWriter struct {
	day  int64  // of the last time, since epoch
	date []byte // that day as text
}

// appendRecord writes columns as a JSON object, as PostgreSQL's to_json does.
func (w *recordWriter) appendRecord(buf []byte, columns []pgconn.FieldDescription, values [][]byte) ([]byte, error) {
	for i, column := range columns {
		start := byte(',')
		if i == 0 {
			start = '{'
		}
		buf = append(append(append(buf, start, '"'), column.Name...), `":`...)
		value := values[i]
		switch oid := column.DataTypeOID; {
		case value == nil:
			buf = append(buf, "null"...)
		case oid == pgtype.TextOID:
			buf = audit.AppendText(buf, value)
		case oid == pgtype.ByteaOID, oid == pgtype.UUIDOID, oid == pgtype.TimestamptzOID:
			buf = append(w.appendValue(append(buf, '"'), oid, value), '"')
		case oid == pgtype.BoolOID, oid == pgtype.Int4OID, oid == pgtype.Int8OID:
			buf = w.appendValue(buf, oid, value)
		default:
			return nil, fmt.Errorf("column %s is of type %d", column.Name, oid)
		}
	}
	return append(buf, '}'), nil
}

// appendValue writes a value as text: a time in UTC without a zone, bytes in hexadecimal.
func (w *recordWriter) appendValue(buf []byte, oid uint32, value []byte) []byte {
	switch oid {
	case pgtype.ByteaOID:
		return hex.AppendEncode(buf, value)
	case pgtype.UUIDOID:
		return audit.AppendUUID(buf, value)
	case pgtype.BoolOID:
		return strconv.AppendBool(buf, isTrue(value))
	case pgtype.Int4OID:
		return strconv.AppendInt(buf, int64(int32(binary.BigEndian.Uint32(value))), 10)
	case pgtype.Int8OID:
		return strconv.AppendInt(buf, int64(binary.BigEndian.Uint64(value)), 10)
	case pgtype.TimestamptzOID:
		return w.appendTime(buf, int64(binary.BigEndian.Uint64(value)))
	}
	return append(buf, value...)
}

// epoch is what PostgreSQL counts the microseconds of a timestamp from.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// appendTime writes a timestamp. A row has several, and most are of the same day as the one
// before, so the day is written once.
func (w *recordWriter) appendTime(buf []byte, micros int64) []byte {
	const perSecond, perDay = 1_000_000, 24 * 60 * 60 * 1_000_000
	day, rest := micros/perDay, micros%perDay
	if rest < 0 {
		day, rest = day-1, rest+perDay
	}
	if w.date == nil || day != w.day {
		w.day, w.date = day, epoch.AddDate(0, 0, int(day)).AppendFormat(w.date[:0], time.DateOnly)
	}
	buf = append(buf, w.date...)
	seconds, fraction := rest/perSecond, rest%perSecond
	separator := byte('T')
	for _, part := range [...]int64{seconds / 3600, seconds / 60 % 60, seconds % 60} {
		buf = append(buf, separator, '0'+byte(part/10), '0'+byte(part%10))
		separator = ':'
	}
	if fraction > 0 {
		buf = append(buf, '.')
	}
	for unit := int64(perSecond / 10); fraction > 0; unit /= 10 {
		buf = append(buf, '0'+byte(fraction/unit))
		fraction %= unit
	}
	return buf
}
