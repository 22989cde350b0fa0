#!/bin/bash
# Boots a systemd of its own, in namespaces of its own, on a copy of this
# machine's files that is thrown away, and has it run job.sh. It needs root.
#
#   boot.sh OUT     the working directory holds cortex-host as installed below
#                   /usr/local, mockvendor and job.sh; what they say is in OUT
#
# Groups of processes are made below our own, so that the machine's own systemd
# and its groups are not touched; they are removed again.
set -eu
out=$(realpath "$1")
groups=()
leave() {
	for group in "${groups[@]}"; do
		echo $$ >"${group%/*}/cgroup.procs" || true
	done
	for group in "${groups[@]}"; do
		for _ in $(seq 1 50); do # what was in it may take a moment to end
			find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
			test -e "$group" || break
			sleep 0.1
		done
	done
}
trap leave EXIT
own=$(cat /proc/self/cgroup) # as a whole: it changes below
while IFS=: read -r _ kinds path; do
	case $kinds in
	'') top=/sys/fs/cgroup; test -e $top/cgroup.procs || top=/sys/fs/cgroup/unified ;;
	name=*) top=/sys/fs/cgroup/${kinds#name=} ;;
	*) top=/sys/fs/cgroup/$kinds ;;
	esac
	group=${top}${path%/}/cortex-host-test-$$
	mkdir "$group" || continue
	if test -e "$group/cpuset.cpus" && test "$kinds" != ''; then
		cat "${group%/*}/cpuset.cpus" >"$group/cpuset.cpus"
		cat "${group%/*}/cpuset.mems" >"$group/cpuset.mems"
	fi
	echo $$ >"$group/cgroup.procs"
	groups+=("$group")
done <<<"$own"
timeout 120 unshare --mount --pid --fork --cgroup --net --uts --ipc --kill-child bash "$(dirname "$0")/root.sh" "$out"
