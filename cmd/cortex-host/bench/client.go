package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/time/rate"
)

// The request and the reply of the chat completions API, as far as the loop
// needs them.
type (
	chatMessage struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	chatRequest struct {
		Model    string        `json:"model"`
		Messages []chatMessage `json:"messages"`
	}
	chatReply struct {
		ID      string `json:"id"`
		Model   string `json:"model"`
		Choices []struct {
			Message      chatMessage `json:"message"`
			FinishReason string      `json:"finish_reason"`
		} `json:"choices"`
		Usage struct {
			PromptTokens     int64 `json:"prompt_tokens"`
			CompletionTokens int64 `json:"completion_tokens"`
		} `json:"usage"`
	}
)

// A client makes the HTTP calls of all arms in this program.
type client struct {
	http    *http.Client
	url     string
	limiter *rate.Limiter // nil: no limit
}

func newClient(j job) (*client, error) {
	transport := &http.Transport{
		MaxIdleConns: 0, MaxIdleConnsPerHost: j.InFlight, IdleConnTimeout: time.Minute, DisableCompression: true,
	}
	if j.CA != "" {
		pem, err := os.ReadFile(j.CA)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	c := &client{http: &http.Client{Transport: transport}, url: j.URL + "/chat/completions"}
	if j.Rate > 0 {
		c.limiter = rate.NewLimiter(rate.Limit(j.Rate), 1)
	}
	return c, nil
}

// requestOf returns the body for the query with number i.
func requestOf(i int) chatRequest {
	q := query(i)
	r := chatRequest{Model: model, Messages: make([]chatMessage, len(q.Messages))}
	for k, m := range q.Messages {
		r.Messages[k] = chatMessage{string(m.Role), m.Text}
	}
	return r
}

// errRefused is a 429.
var errRefused = errors.New("refused by the rate limit")

// post sends one body and hands the reply's to read.
func (c *client) post(ctx context.Context, body []byte, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer bench")
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != http.StatusTooManyRequests {
			return fmt.Errorf("the vendor said %s", resp.Status)
		}
		wait, _ := strconv.ParseFloat(resp.Header.Get("Retry-After"), 64)
		time.Sleep(time.Duration(wait * float64(time.Second)))
		return errRefused
	}
	return read(resp.Body)
}

// patiently keeps to the rate and repeats what was refused.
func (c *client) patiently(ctx context.Context, call func() error) error {
	for {
		if c.limiter != nil {
			if err := c.limiter.Wait(ctx); err != nil {
				return err
			}
		}
		if err := call(); !errors.Is(err, errRefused) {
			return err
		}
	}
}

// discard asks the query with number i and throws the reply away.
func (c *client) discard(ctx context.Context, i int) error {
	body, err := json.Marshal(requestOf(i))
	if err != nil {
		return err
	}
	return c.patiently(ctx, func() error {
		return c.post(ctx, body, func(r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
	})
}

// ask asks the query with number i and parses the reply.
func (c *client) ask(ctx context.Context, i int) error {
	_, err := c.chat(ctx, requestOf(i))
	return err
}

// chat sends one request and parses the reply.
func (c *client) chat(ctx context.Context, request chatRequest) (*chatReply, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	var reply chatReply
	err = c.patiently(ctx, func() error {
		return c.post(ctx, body, func(r io.Reader) error {
			data, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(data, &reply); err != nil {
				return err
			}
			if len(reply.Choices) == 0 || reply.Choices[0].Message.Content == "" {
				return errors.New("the vendor's reply is empty")
			}
			return nil
		})
	})
	return &reply, err
}
