// Package httpapi is what every provider with an HTTP upstream needs and
// nobody should write twice: one POST, and the exact meaning of whatever came
// of it.
//
//	client, err := httpapi.New(httpapi.Config{
//		BaseURL: "https://api.example.com/v1",
//		Header:  http.Header{"Authorization": {"Bearer " + key}},
//		Secrets: []string{key},
//	})
//	...
//	reply, err := client.Post(ctx, "/chat/completions", body)
//	if err != nil {
//		return nil, err // an *sdk.Error: kind, code, waits, limits, request id
//	}
//	defer reply.Close()
//	var completion wireCompletion
//	if err := reply.Decode(&completion); err != nil {
//		return nil, err
//	}
//
// # Guarantees
//
// Post makes exactly one HTTP request. Nothing in it sends twice: not the
// transport after a broken connection (the request can't be rewound), not a
// redirect (none is followed, so no key reaches another host).
//
// Every failure is an [*sdk.Error]. Before the request was written in full it
// is sdk.Unreachable: nobody can have been billed. After that it is what the
// status and the body say ([StatusError]), or sdk.InDoubt.
//
// A reply is bounded in size and time. Texts of the vendor that reach an error
// are bounded, free of control characters and of the secrets that the client
// was given ([Redactor]).
//
// Proxies come from the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY); a
// corporate CA comes with [Config.CA], or SSL_CERT_FILE.
package httpapi
