# Becomes the first process of a machine of its own; see boot.sh.
set -eu
out=$1 here=$PWD
mount --make-rprivate /
copy=$here/copy # seen here alone, as a file system in memory
mkdir "$copy"
mount -t tmpfs none "$copy"
root=$copy/root
mkdir "$copy/upper" "$copy/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$copy/upper,workdir=$copy/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
umount -R "$root/sys/fs/cgroup"
if test -e /sys/fs/cgroup/cgroup.procs; then
	mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
	mount -t tmpfs none "$root/sys/fs/cgroup"
	for kind in systemd pids memory devices cpu; do
		mkdir "$root/sys/fs/cgroup/$kind"
		test $kind = systemd && option=none,name=systemd || option=$kind
		mount -t cgroup -o $option cgroup "$root/sys/fs/cgroup/$kind"
	done
fi
mount -t tmpfs none "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue" "$root/dev/hugepages"
while read -r name major minor; do
	mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done <<E
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
ptmx 5 2
E
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/1 "$root/dev/stdout"
touch "$root/dev/console"
mount -t tmpfs none "$root/run"
mkdir -p "$root/run/out" "$root/usr/local"
mount --bind "$out" "$root/run/out"
ip link set lo up
cp -r "$here/usr/local/." "$root/usr/local/"
cp "$here/mockvendor" "$root/usr/local/bin/"
cp "$here/job.sh" "$root/etc/cortex-host-test.sh"
rm -rf "$root"/etc/systemd/system/*.wants "$root/etc/cortex-host" "$root/var/lib/cortex-host" "$root/var/lib/private/cortex-host"
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-sysctl.service \
	systemd-modules-load.service systemd-random-seed.service systemd-remount-fs.service systemd-journal-flush.service systemd-logind.service \
	systemd-tmpfiles-setup-dev.service kmod-static-nodes.service getty.target dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount \
	sys-kernel-tracing.mount; do
	ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
cat >"$root/etc/systemd/system/test.target" <<E
[Unit]
Requires=basic.target test.service
After=basic.target
E
cat >"$root/etc/systemd/system/test.service" <<E
[Unit]
After=basic.target
[Service]
Type=oneshot
ExecStart=/bin/bash /etc/cortex-host-test.sh
StandardOutput=file:/run/out/log
StandardError=file:/run/out/log
E
cd "$root"
mkdir -p old
pivot_root . old
umount -l /old
export container=other
exec /lib/systemd/systemd --system --unit=test.target --show-status=0
