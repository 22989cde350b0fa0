package httpapi_test

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// TLS may have decrypted the surplus together with the reply, where no look at
// the socket finds it.
func TestASurplusReplyOverTLSIsNotTheNextAnswer(t *testing.T) {
	keys := httptest.NewTLSServer(http.NotFoundHandler())
	defer keys.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: keys.Certificate().Raw}))
	for _, size := range []int{1, 3 << 10, 5 << 10, 10 << 10} { // read with the head, or past it
		base := rawServer(t, func(c net.Conn, _ *bufio.Reader) {
			secure := tls.Server(c, &tls.Config{Certificates: keys.TLS.Certificates, DynamicRecordSizingDisabled: true})
			r := bufio.NewReader(secure)
			for readRequest(r) == nil { // both in one record
				fmt.Fprintf(secure, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%q"+"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n\"evil\"",
					size+2, strings.Repeat("x", size))
			}
		})
		c := dial(t, httpapi.Config{BaseURL: strings.Replace(base, "http:", "https:", 1), CA: ca})
		for range 3 {
			if got, err := post(t.Context(), c); err != nil || strings.Contains(got, "evil") {
				t.Errorf("%d bytes: got %.20s, %v", size, got, err)
			}
		}
	}
}
