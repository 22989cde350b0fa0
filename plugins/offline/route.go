package main

import (
	"context"
	"regexp"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

// abilities is what the provider says when it is asked for something else.
const abilities = `it knows a package (task_type system_operation, metadata "package"), an error message (error_debugging, metadata "original_error") ` +
	`and a part of this machine (configuration, metadata "hardware_type": CPU, RAM, Storage, Network or GPU)`

// maxName bounds what names a package or a part of the machine.
const maxName = 1 << 10

// answer chooses what a query asks for, by its task type and its metadata.
func (m *machine) answer(ctx context.Context, q *sdk.Query) (*sheet, error) {
	if err := refuse(q); err != nil {
		return nil, err
	}
	for _, route := range []struct {
		key    string
		task   sdk.TaskType
		answer func(context.Context, string) (*sheet, error)
	}{
		{"package", sdk.SystemOperation, m.answerPackage},
		{"original_error", sdk.ErrorDebugging, m.answerError},
		{"hardware_type", sdk.Configuration, m.answerHardware},
	} {
		if q.Task() != route.task {
			continue
		}
		value := strings.TrimSpace(q.Metadata[route.key])
		switch {
		case value == "":
			return nil, sdk.Errorf(sdk.NotAnswered, "a query of task_type %s needs the metadata %q; offline does not read prompts: %s", route.task, route.key, abilities)
		case len(value) > maxName && route.task != sdk.ErrorDebugging:
			return nil, sdk.Errorf(sdk.InvalidRequest, "the metadata %q has %d bytes; at most %d", route.key, len(value), maxName)
		}
		return route.answer(ctx, value)
	}
	return nil, sdk.Errorf(sdk.NotAnswered, "offline has no model and answers no free-form question of task_type %s: %s", q.Task(), abilities)
}

// The words with which an order begins that would change the machine, and
// those that only make it polite.
var (
	orders = words(`remove purge uninstall delete erase wipe format drop kill stop disable mask unmask reboot shutdown poweroff halt
		install reinstall upgrade downgrade update start restart reload enable overwrite truncate destroy shred unmount flush
		run execute exec rm rmdir mv cp ln dd mkfs fdisk parted wipefs chmod chown mount umount crontab iptables nft useradd userdel usermod passwd
		sudo su apt apt-get aptitude dpkg rpm dnf yum zypper pacman apk snap flatpak pip npm docker podman kubectl systemctl service`)
	politeness = words(`please kindly now just then can could would will you i want need we to go ahead and let us lets immediately`)
)

// destructive is a command that nobody should find in a question, wherever it
// stands.
var destructive = regexp.MustCompile(`(?i)\brm +-[a-z-]*[rf]|\bmkfs\b|\bdd +[a-z]+=|\bwipefs\b|\bshred +[-/]|:\(\) *\{|> */dev/[sv]d|--no-preserve-root`)

// The operations that metadata may name without asking for a change.
var readOnly = words("describe show info explain query list status check diagnose analyze inspect read")

var (
	verdict = regexp.MustCompile(`(?is)^\s*(?:is|are|am|was|were|do|does|has|have|can|tell me (?:if|whether))\b.{0,300}\b(?:secure|safe|vulnerab\w+|affected|compromised|hacked|exploitable|malware|malicious|trojan\w*|backdoor\w*|trustworthy)\b`)
	cve     = regexp.MustCompile(`(?i)\bCVE-\d{4}-\d{4,}\b`)
)

// refuse says no to what the provider must never be taken to have answered:
// orders, security verdicts, and forms of reply that it does not have.
func refuse(q *sdk.Query) error {
	for _, key := range []string{"operation", "action"} {
		if op := strings.ToLower(strings.TrimSpace(q.Metadata[key])); op != "" && !readOnly[op] {
			return sdk.Errorf(sdk.Refused, "offline only reads: it does not carry out the %s %q, nor does it say how", key, clip(plain(op), 40))
		}
	}
	text := lastQuestion(q)
	for _, key := range []string{"package", "original_error", "hardware_type"} {
		text = strings.Replace(text, q.Metadata[key], " ", 1) // what is asked about is no order, even if it reads like one
	}
	if word := firstWord(text); orders[word] {
		return sdk.Errorf(sdk.Refused, "offline only reads: it carries out no order such as %q, nor does it say how; %s", word, abilities)
	}
	if found := destructive.FindString(text); found != "" {
		return sdk.Errorf(sdk.Refused, "offline only reads: it has nothing to do with %q; %s", clip(plain(found), 40), abilities)
	}
	if verdict.MatchString(text) || len(text) < 400 && cve.MatchString(text) {
		return sdk.Errorf(sdk.NotAnswered, "offline gives no security verdict: this machine holds no data on vulnerabilities; "+
			"asked about a package, it tells which versions its security archive offers")
	}
	if q.ResponseFormat != nil {
		return sdk.Errorf(sdk.NotAnswered, "offline answers in plain text and cannot fill in the response format %q", q.ResponseFormat.Name)
	}
	if q.ToolChoice != "" && q.ToolChoice != sdk.ToolAuto && q.ToolChoice != sdk.ToolNone {
		return sdk.Errorf(sdk.NotAnswered, "offline calls no tools; leave tool_choice unset")
	}
	return nil
}

// lastQuestion is the text of the last message of the user.
func lastQuestion(q *sdk.Query) string {
	for i := len(q.Messages) - 1; i >= 0; i-- {
		if q.Messages[i].Role == sdk.User {
			return q.Messages[i].Content()
		}
	}
	return ""
}

// firstWord is the word with which an order would begin, in small letters; none
// if it is the name of a program before its message, as in "rm: cannot".
func firstWord(text string) string {
	for word := range strings.FieldsSeq(clip(text, 400)) {
		if strings.HasSuffix(word, ":") {
			return ""
		}
		word = strings.ToLower(strings.Trim(word, ".,;!?\"'`()"))
		if word != "" && !politeness[word] {
			return word
		}
	}
	return ""
}

func words(list string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}
