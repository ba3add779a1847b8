#!/bin/sh
# Runs a command as a container runtime does, in the network namespace it is called in: on a root file system of its
# own (this machine's, with a layer above it that lives as long as the command), with the mounts it is given.
#
#     unshare --mount sandbox.sh ROOT ro|rw WORKDIR [SOURCE TARGET ro|rw]... -- [NAME=VALUE]... COMMAND...
#
# ROOT is an empty folder. Mounts end with the mount namespace, so with the command. Of the environment nothing gets in
# but what is given here, and the mark by which the lab knows its processes.
set -eu

base=$1
root_mode=$2
workdir=$3
shift 3

mount -t tmpfs -o mode=755 edgeway-sandbox "$base"
mkdir "$base/upper" "$base/work" "$base/root"
root=$base/root
mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" edgeway-sandbox "$root"
for shared in proc sys dev; do mount --rbind "/$shared" "$root/$shared"; done

# The node's own: `ip netns exec` has laid it over /etc/resolv.conf, which may be a link.
rm -f "$root/etc/resolv.conf"
touch "$root/etc/resolv.conf"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"

while [ "$1" != -- ]; do
    # Links on the way, such as /var/run, lead on within the root.
    target=$root$(chroot "$root" readlink --canonicalize-missing "$2")
    if [ -d "$1" ]; then mkdir -p "$target"; else mkdir -p "${target%/*}"; touch "$target"; fi
    mount --bind "$1" "$target"
    if [ "$3" = ro ]; then mount -o remount,bind,ro "$target"; fi
    shift 3
done
shift

if [ "$root_mode" = ro ]; then mount -o remount,ro "$root"; fi
exec chroot "$root" env --ignore-environment "--chdir=$workdir" ${EDGEWAY_LAB:+"EDGEWAY_LAB=$EDGEWAY_LAB"} "$@"
