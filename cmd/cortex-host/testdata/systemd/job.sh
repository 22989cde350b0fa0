# A night and an interrupted day of a machine with cortex-host on it: the words
# of OPERATING.md, with a timer that comes soon.
out=/run/out
queries() {
	for i in $(seq 1 "$1"); do
		echo "{\"id\":\"q$i\",\"messages\":[{\"role\":\"user\",\"content\":\"say $i\"}]}"
	done
}
saved() { # until FILE is there, for at most 30 s
	for _ in $(seq 1 300); do
		test -e "/var/lib/cortex-host/$1" && return
		sleep 0.1
	done
	return 1
}
systemd-run --unit=vendor /usr/local/bin/mockvendor -addr 127.0.0.1:18099 -latency 100ms -key sk-of-the-file
mkdir -p /etc/cortex-host
queries 20 >/etc/cortex-host/night.ndjson
queries 100 >/etc/cortex-host/long.ndjson
printf 'provider: openai\nmax_concurrent: 2\nrequests_per_second: off\n' >/etc/cortex-host/cortex-host.yaml
printf 'OPENAI_API_KEY=sk-of-the-file\nOPENAI_BASE_URL=http://127.0.0.1:18099/v1\n' | install -m 600 /dev/stdin /etc/cortex-host/keys.env
mkdir -p /etc/systemd/system/cortex-host@.timer.d
printf '[Timer]\nOnCalendar=\nOnCalendar=*:*:0/5\nRandomizedDelaySec=0\nAccuracySec=100ms\n' >/etc/systemd/system/cortex-host@.timer.d/soon.conf
systemctl daemon-reload
systemctl enable --now cortex-host@night.timer
day=$(date +%F)
saved "night-$day.ndjson"
systemctl stop cortex-host@night.timer
systemctl list-timers --all --no-pager 'cortex-host@*'

systemctl start cortex-host@long
saved "long-$day.ndjson.partial" && sleep 2
systemctl stop cortex-host@long
cp "/var/lib/cortex-host/long-$day.ndjson.partial" $out/partial
systemctl start cortex-host@long
saved "long-$day.ndjson"
sleep 1
for job in night long; do
	cp "/var/lib/cortex-host/$job-$day.ndjson" $out/$job.ndjson
	journalctl --no-pager -u cortex-host@$job -o cat >$out/$job.log
done
stat -c %U:%a "/var/lib/cortex-host/night-$day.ndjson" >$out/owner
systemctl exit 0
