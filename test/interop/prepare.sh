#!/bin/bash
# Installs what the interop suite needs on Debian 12 and builds the guests' roots. Root needed; a second run
# takes a second or two.
#   bookworm  the guests share this machine's own root folder: FRR 8.4.4, strongSwan 5.9.8
#   trixie    a folder made by debootstrap: FRR 10.3, strongSwan 6.0.1
set -u
LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")/lab" && pwd)
STATE=${DMVPN_LAB_STATE:-/var/lib/dmvpn-interop}
MIRROR=${DMVPN_LAB_MIRROR:-http://deb.debian.org/debian}
TRIXIE=$STATE/trixie
HOST_PACKAGES="user-mode-linux debootstrap gcc libc6-dev iproute2 ethtool iptables tcpdump tshark traceroute iputils-ping"
GUEST_PACKAGES="iproute2 iptables frr strongswan-swanctl charon-systemd libcharon-extra-plugins libstrongswan-extra-plugins
	libstrongswan-standard-plugins tcpdump kmod procps iputils-ping traceroute ethtool"
export DEBIAN_FRONTEND=noninteractive

fail() { echo "interop: $*" >&2; exit 1; }

# policy-rc.d keeps the packages' daemons from starting; a policy that is there already is left alone
without_daemons() {	# <root folder> <command...>
	local policy=$1/usr/sbin/policy-rc.d made= status
	shift
	[ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; made=1; }
	"$@"; status=$?
	[ -z "$made" ] || rm "$policy"
	return $status
}

installed() { dpkg-query -W -f '${db:Status-Abbrev}\n' "$@" 2>/dev/null | grep -vc '^ii' | grep -qx 0 && dpkg-query -W "$@" >/dev/null 2>&1; }

install_packages() {
	# shellcheck disable=SC2086
	installed $HOST_PACKAGES $GUEST_PACKAGES && return
	apt-get update -qq >"$STATE/apt.log" 2>&1 || fail "apt-get update failed: the Debian mirror cannot be reached, see $STATE/apt.log"
	# shellcheck disable=SC2086
	without_daemons "" apt-get install -y --no-install-recommends $HOST_PACKAGES $GUEST_PACKAGES >>"$STATE/apt.log" 2>&1 ||
		fail "apt-get could not install the lab's packages, see $STATE/apt.log"
}

build_trixie() {
	[ -e "$TRIXIE/.complete" ] && return
	rm -rf "$TRIXIE"
	debootstrap --variant=minbase trixie "$TRIXIE" "$MIRROR" >"$STATE/debootstrap.log" 2>&1 ||
		fail "debootstrap of Debian 13 failed, see $STATE/debootstrap.log"
	cp /etc/resolv.conf "$TRIXIE/etc/resolv.conf"
	without_daemons "$TRIXIE" chroot "$TRIXIE" sh -c \
		"apt-get update -qq && apt-get install -y --no-install-recommends $(echo $GUEST_PACKAGES) && apt-get clean" >"$STATE/trixie.log" 2>&1 ||
		fail "apt-get could not install the guests' packages into $TRIXIE, see $STATE/trixie.log"
	touch "$TRIXIE/.complete"
}

[ "$(id -u)" = 0 ] || fail "root is needed to install packages and to make network namespaces"
grep -q '^VERSION_CODENAME=bookworm' /etc/os-release || fail "this machine is not Debian 12 (bookworm), whose FRR 8.4.4 the suite wants"
[ -c /dev/net/tun ] || fail "/dev/net/tun is missing: the guests are attached by TAP devices"
mkdir -p "$STATE" || fail "$STATE cannot be made"
install_packages
[ "$STATE/umlfp.so" -nt "$LAB/umlfp.c" ] || gcc -O2 -shared -fPIC -o "$STATE/umlfp.so" "$LAB/umlfp.c" || fail "gcc could not build $LAB/umlfp.c"
build_trixie
cp "$LAB/guest-init.sh" "$TRIXIE/nl-init"
echo "interop: ready: FRR $(dpkg-query -W -f '${Version}' frr), strongSwan $(dpkg-query -W -f '${Version}' charon-systemd);" \
	"trixie guests: FRR $(dpkg-query --admindir="$TRIXIE/var/lib/dpkg" -W -f '${Version}' frr)," \
	"strongSwan $(dpkg-query --admindir="$TRIXIE/var/lib/dpkg" -W -f '${Version}' charon-systemd)"
