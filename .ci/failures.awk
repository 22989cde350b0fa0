# What a log of `go test -v ./...` says of what failed: the last lines of each
# failed test, or of a package that ended without the name of one.
function last(test,    i) {
	if (count[test] > most) print "[...]"
	for (i = count[test] > most ? count[test] - most + 1 : 1; i <= count[test]; i++) print said[test, i]
}
BEGIN { most = 60 }
/^=== (RUN|PAUSE|CONT|NAME) / { test = $3; next }
/^ *--- FAIL: / { failed[++failures] = $3 }
/^ *--- (PASS|FAIL|SKIP): / { next }
/^(ok|FAIL|\?)[ \t]+[^ \t]+\// { # a package's end
	for (i = 1; i <= failures; i++) {
		printf "\n--- FAIL: %s\n", failed[i]
		last(failed[i])
	}
	if ($1 == "FAIL") {
		if (!failures) last("")
		print
	}
	test = ""; failures = 0
	delete count; delete said
	next
}
{
	said["", ++count[""]] = $0
	if (test != "") said[test, ++count[test]] = $0
}
