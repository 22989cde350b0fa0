package confine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// A link joins program and supervisor. The supervisor tells what it enforced
// and how the child ended; it ends everything when the program's end is cut, by
// the program or by its death.
type link struct {
	file   *os.File
	begun  chan struct{} // closed when begin is set
	begin  beginning
	ended  chan struct{} // closed when nothing more comes; end may be set then
	end    *Exit
	failed error // of the link itself
}

// A beginning is a supervisor's first message.
type beginning struct {
	Pid    int    `json:"pid"`
	Report Report `json:"report"`
	// Error says why there is no child.
	Error string `json:"error,omitempty"`
}

// listen reads what the supervisor says until it has ended.
func (l *link) listen() {
	defer close(l.ended)
	messages := json.NewDecoder(l.file)
	l.failed = messages.Decode(&l.begin)
	close(l.begun)
	var end Exit
	switch {
	case l.failed != nil:
	case messages.Decode(&end) == nil:
		l.end = &end
	case l.begin.Pid > 0:
		_ = killGroup(l.begin.Pid) // the supervisor was killed and could not do it
	}
}

// finish waits until all that an ended supervisor said has been read.
func (l *link) finish() {
	_ = l.file.SetReadDeadline(time.Now().Add(time.Second))
	<-l.ended
	l.file.Close()
}

var errNotSupervised = errors.New("confine: the child has no supervisor")

// Report waits until a supervised child has begun, and says what is enforced on
// it and which process it is.
func (p *Process) Report(ctx context.Context) (Report, int, error) {
	if p.link == nil {
		return Report{}, 0, errNotSupervised
	}
	select {
	case <-p.link.begun:
	case <-ctx.Done():
		return Report{}, 0, context.Cause(ctx)
	}
	switch b := p.link.begin; {
	case p.link.failed != nil:
		return Report{}, 0, fmt.Errorf("confine: the supervisor ended before the child began: %w", p.link.failed)
	case b.Error != "":
		return b.Report, 0, fmt.Errorf("confine: %s", b.Error)
	default:
		return b.Report, b.Pid, nil
	}
}
