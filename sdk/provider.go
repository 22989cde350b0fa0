package sdk

import "context"

// A Provider answers queries. It is the one interface between the executor and
// whatever asks a model: a plugin process, a function, a test.
//
// Complete performs one call and never retries: retries are the host's, which
// knows the limits and the budget. It returns a response, or an [*Error] with
// the kind of failure (any other error counts as [Internal]). It must return
// soon after ctx is done. It is called from many goroutines at once and must
// not keep or change q.
type Provider interface {
	Complete(ctx context.Context, q *Query) (*Response, error)
}

// ProviderFunc lets a function be a [Provider].
type ProviderFunc func(ctx context.Context, q *Query) (*Response, error)

// Complete calls f.
func (f ProviderFunc) Complete(ctx context.Context, q *Query) (*Response, error) { return f(ctx, q) }

var _ Provider = ProviderFunc(nil)
