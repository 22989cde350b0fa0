package main

// packageRules are about apt and dpkg, rpm and dnf, apk, and pacman.
var packageRules = []rule{
	{
		id: "apt-lock", title: "another package tool holds the lock that apt or dpkg wants", confidence: high,
		any:   []string{"could not get lock /var/", "dpkg frontend lock", "unable to lock the administration directory"},
		like:  like(`could not get lock (?P<path>/var/(?:lib|cache)/(?:dpkg|apt)[\w./-]*?)(?:\. It is held by process (?P<pid>\d+)|\.?\s|$)|(?:frontend lock|directory)[^,]*, is another process using it|frontend lock was locked by another process`),
		means: "Only one package tool may change the system at a time. Usually unattended-upgrades, a software centre or another terminal is at work; it lets go by itself when it has finished.",
		checks: []string{
			"ps -e -o pid,etime,args | grep -E '[a]pt|[d]pkg|[u]nattended'",
			"systemctl status apt-daily.service apt-daily-upgrade.service unattended-upgrades.service",
			"tail -n 20 /var/log/dpkg.log",
		},
		consider: []string{
			"Wait for the other tool: an upgrade that is cut off leaves packages half configured.",
			"Have apt itself wait for the lock: apt-get -o DPkg::Lock::Timeout=300 ...",
			"Leave the lock files alone: they are always there, and removing one lets two tools write at once.",
		},
		facts:  []look{lookLocks},
		source: "apt-get(8), apt.conf(5)",
	},
}
