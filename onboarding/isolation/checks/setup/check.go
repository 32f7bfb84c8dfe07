package setup

import "context"

// Check looks for one kind of hole. An error ends this check and no other.
type Check interface {
	Run(ctx context.Context) error
}

const (
	// AnswerRows is how many rows of an answer are read.
	AnswerRows = 200
	// SamePartitions is how many partitions that look alike are attacked. More would prove no more.
	SamePartitions = 2
)
