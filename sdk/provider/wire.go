package provider

import (
	"google.golang.org/protobuf/proto"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// Conversions between the wire and sdk. Both sides ignore what they do not
// know: an unknown kind is internal, an unknown reason or role is empty.

var roles = map[sdk.Role]providerv1.Role{
	sdk.System:    providerv1.Role_ROLE_SYSTEM,
	sdk.Developer: providerv1.Role_ROLE_DEVELOPER,
	sdk.User:      providerv1.Role_ROLE_USER,
	sdk.Assistant: providerv1.Role_ROLE_ASSISTANT,
	sdk.ToolRole:  providerv1.Role_ROLE_TOOL,
}

var finishReasons = map[sdk.FinishReason]providerv1.FinishReason{
	sdk.FinishUnknown: providerv1.FinishReason_FINISH_REASON_UNSPECIFIED,
	sdk.Stop:          providerv1.FinishReason_FINISH_REASON_STOP,
	sdk.ToolUse:       providerv1.FinishReason_FINISH_REASON_TOOL_USE,
	sdk.Length:        providerv1.FinishReason_FINISH_REASON_LENGTH,
	sdk.Filtered:      providerv1.FinishReason_FINISH_REASON_CONTENT_FILTER,
	sdk.Refusal:       providerv1.FinishReason_FINISH_REASON_REFUSAL,
}

var kinds = map[sdk.Kind]providerv1.ErrorKind{
	sdk.Unreachable:      providerv1.ErrorKind_ERROR_KIND_UNREACHABLE,
	sdk.RateLimited:      providerv1.ErrorKind_ERROR_KIND_RATE_LIMITED,
	sdk.Overloaded:       providerv1.ErrorKind_ERROR_KIND_OVERLOADED,
	sdk.QuotaExhausted:   providerv1.ErrorKind_ERROR_KIND_QUOTA_EXHAUSTED,
	sdk.Unauthenticated:  providerv1.ErrorKind_ERROR_KIND_UNAUTHENTICATED,
	sdk.PermissionDenied: providerv1.ErrorKind_ERROR_KIND_PERMISSION_DENIED,
	sdk.InDoubt:          providerv1.ErrorKind_ERROR_KIND_IN_DOUBT,
	sdk.InvalidRequest:   providerv1.ErrorKind_ERROR_KIND_INVALID_REQUEST,
	sdk.ContextLength:    providerv1.ErrorKind_ERROR_KIND_CONTEXT_LENGTH,
	sdk.NotFound:         providerv1.ErrorKind_ERROR_KIND_NOT_FOUND,
	sdk.ContentFiltered:  providerv1.ErrorKind_ERROR_KIND_CONTENT_FILTERED,
	sdk.Truncated:        providerv1.ErrorKind_ERROR_KIND_TRUNCATED,
	sdk.Refused:          providerv1.ErrorKind_ERROR_KIND_REFUSED,
	sdk.NotAnswered:      providerv1.ErrorKind_ERROR_KIND_NOT_ANSWERED,
	sdk.BadResponse:      providerv1.ErrorKind_ERROR_KIND_BAD_RESPONSE,
	sdk.Conflict:         providerv1.ErrorKind_ERROR_KIND_CONFLICT,
	sdk.Internal:         providerv1.ErrorKind_ERROR_KIND_INTERNAL,
}

var (
	rolesFromWire         = invert(roles)
	finishReasonsFromWire = invert(finishReasons)
	kindsFromWire         = invert(kinds)
)

func invert[K, V comparable](m map[K]V) map[V]K {
	out := make(map[V]K, len(m))
	for k, v := range m {
		out[v] = k
	}
	return out
}

// errorToWire and errorFromWire are for the methods beside Complete.
func errorToWire(failure *sdk.Error) *providerv1.Error {
	var e encoder
	e.failure(failure)
	w := new(providerv1.Error)
	if err := proto.Unmarshal(e.buf, w); err != nil {
		panic(err) // the codec's test holds it to the contract
	}
	return w
}

func errorFromWire(w *providerv1.Error) *sdk.Error {
	data, err := proto.Marshal(&providerv1.CompleteResponse{Outcome: &providerv1.CompleteResponse_Error{Error: w}})
	if err != nil {
		return undecodable(err)
	}
	_, failure, err := decodeOutcome(data)
	if err != nil {
		return undecodable(err)
	}
	return failure
}
