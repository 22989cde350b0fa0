package providertest

import "strings"

// mends say how to mend what a check finds, by the beginning of its name; of two
// that fit the longer one counts.
var mends = map[string]string{
	"handshake":                "do what WIRE.md says under Start, in that order",
	"describe":                 "answer Describe without settings, always the same: WIRE.md, Calls",
	"unconfigured":             "answer a call that comes before Configure by your defaults, or by an error as any other",
	"configure refuses":        "check every property, also unknown ones and types, and answer with an error that begins with the property's name and shows no value",
	"configure twice":          "build new settings beside the old ones and exchange them at once; calls under way keep theirs",
	"one call":                 "send the query, and fill content, finish_reason, usage, model_served and request_id from the reply",
	"unknown fields":           "ignore what you do not know, in messages from the host and in the vendor's replies",
	"metadata stays home":      "never send the query's id or metadata to the vendor",
	"cancel":                   "end the request to the vendor when the call is cancelled: in Go hand ctx on, elsewhere use gRPC's callback for the end of a call",
	"deadline":                 "end the request to the vendor at the call's deadline: in Go hand ctx on, elsewhere use gRPC's time remaining",
	"no secret in the log":     "log no request, header or URL as a whole; take the values of secret settings out",
	"1000 calls at once":       "work on calls at the same time, each with its own data; bound your own pools, not the calls",
	"a prompt of 8 MiB":        "set gRPC's limit of what is received to 64 MiB; its default is 4",
	"a reply of 8 MiB":         "set gRPC's limit of what is sent to 64 MiB, and read replies of as much",
	"list models":              "map the vendor's list, or leave lists_models unset in Describe",
	"check health":             "ask something that costs nothing, with the key, or leave checks_health unset in Describe",
	"request: ":                "change what you send, or the fixture if it is wrong; what a query does not set is not sent",
	"error: ":                  "map status and body to the kind that WIRE.md's table names; one call is one request, without retries",
	"retry-after: ":            "read retry-after-ms, else Retry-After as seconds, also fractions, else as a date; what is past, negative or no number is no wait",
	"fault: ":                  "tell what was not sent (unreachable) from what may have been paid for (in_doubt), and a reply that came whole (bad_response); never retry",
	"fault: slow bytes":        "give up a reply that trickles when the call's deadline comes",
	"fault: endless body":      "bound the size of a reply, at 32 MiB say, and give up what is larger as bad_response",
	"finish: ":                 "map each of the vendor's reasons; a reply that was cut, filtered or refused is never stop",
	"x-should-retry":           "hand the reply's x-should-retry on as should_retry",
	"rate-limit headers":       "fill rate_limit from the headers, of errors too",
	"request id":               "hand the reply's request id on, of errors too",
	"redirect to another host": "follow no redirect: the key would go with it; report it as an error",
	"nobody listens":           "a connection that could not be made is unreachable",
	"invalid TLS":              "verify the server's certificate and name, always; a connection that is refused for it is unreachable",
	"TLS with a CA of its own": "trust the certificates in the file that the CA setting names, and those of SSL_CERT_FILE",
}

// secretShows begins what is said of a text with a secret in it.
const secretShows = "a secret shows in: "

// mendOf says how to mend what the check of that name found.
func mendOf(name, found string) string {
	if strings.Contains(found, secretShows) {
		return "take the values of secret settings out of every error and log line: a vendor may quote them"
	}
	best := ""
	for begins := range mends {
		if strings.HasPrefix(name, begins) && len(begins) > len(best) {
			best = begins
		}
	}
	return mends[best]
}
