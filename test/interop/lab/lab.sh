#!/bin/bash
# The interop lab: network namespaces and User-Mode-Linux guests. test/interop/lab.ts drives it; by hand:
#
#   lab.sh net                           the NBMA internet (nothing leaves this machine)
#   lab.sh boot bookworm|trixie <role>...  start guests (hub hub2.. s1..s8); waits until they answer
#   lab.sh run <role> <command...>       run a command in a guest (or stdin with no command)
#   lab.sh kill <role>                   pull a guest's plug; boot brings it back
#   lab.sh hostns <role>                 that role is a plain host namespace, $NL_PREFIX-<role>
#   lab.sh hostlan <role>                a LAN behind a host role: namespace $NL_PREFIX-<role>-lan, host 172.16.n.10, router .1
#   lab.sh nat <role>...                 put these roles behind one NAT namespace (before boot or hostns)
#   lab.sh cap start <role> | cap stop   record what passes on a role's leg of the internet: $NL_RUN/cap/<role>.pcap
#   lab.sh down                          stop the guests, delete the namespaces
#
# Root needed. No KVM, no host GRE or ESP, no kernel modules on the host; only TAP, veth, namespaces and ptrace.
# With NL_OWNER, a process id, the lab is taken down when that process is no more.
# NL_PREFIX and NL_RUN (both) tell several labs on one machine apart.
# With NL_V6, the internet is one of IPv6 as well: fd00:192:n::1 there, fd00:192:n::2 the role (not behind the NAT).
set -u
LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STATE=${DMVPN_LAB_STATE:-/var/lib/dmvpn-interop}	# made by prepare.sh
RUN=${NL_RUN:-/run/dmvpn-interop/hand}			# one control folder per guest
PFX=${NL_PREFIX:-nl}
CORE=$PFX-core						# a router with one leg per role
MEM=${NL_MEM:-192M}
UML=/usr/bin/linux.uml
MODS=/usr/lib/uml/modules

die() { echo "lab: $*" >&2; exit 1; }
# hub 192.168.0, spoke n 192.168.n, hubN 192.168.1N; NAT 192.168.9
number() { case $1 in hub) echo 0 ;; s[1-8]) echo "${1#s}" ;; hub[2-9]) echo "1${1#hub}" ;; *) die "unknown role $1" ;; esac; }
nbma_net() { echo "192.168.$(number "$1")"; }
nbma6_net() { echo "fd00:192:$(number "$1"):"; }
leg_ns() { if grep -qsx "$1" "$RUN/nat-roles"; then echo "$PFX-nat"; else echo "$CORE"; fi; }
no_offload() { ip netns exec "$1" ethtool -K "$2" tx off gro off gso off tso off >/dev/null 2>&1; true; }	# captures show real checksums and packets

net() {
	ip netns add "$CORE" || die "namespace $CORE is there already: lab.sh down first"
	ip -n "$CORE" link set lo up
	ip netns exec "$CORE" sysctl -qw net.ipv4.ip_forward=1
	if [ -n "${NL_V6:-}" ]; then ip netns exec "$CORE" sysctl -qw net.ipv6.conf.all.forwarding=1
	else ip netns exec "$CORE" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; fi
	mkdir -p "$RUN/cap"
	[ -z "${NL_OWNER:-}" ] || watch_owner
}

watch_owner() {	# the lab goes with the process that wanted it, however that one ends
	setsid bash -c 'tail --pid="$1" -f /dev/null; exec "$2" down' - "$NL_OWNER" "$LAB/lab.sh" </dev/null >/dev/null 2>&1 &
	disown; echo $! >"$RUN/watcher"
}

hostns() {	# role
	local n ns own=$PFX-$1; n=$(nbma_net "$1"); ns=$(leg_ns "$1")
	ip netns add "$own"
	ip -n "$ns" link add "t-$1" type veth peer name eth0 netns "$own"
	ip -n "$ns" addr add "$n.1/24" dev "t-$1"
	ip -n "$ns" link set "t-$1" up
	ip -n "$own" link set lo up
	ip -n "$own" addr add "$n.2/24" dev eth0
	ip -n "$own" link set eth0 up
	ip -n "$own" route add default via "$n.1"
	ip netns exec "$own" sysctl -qw net.ipv4.ip_forward=1
	if [ -n "${NL_V6:-}" ]; then
		n=$(nbma6_net "$1")
		ip -n "$ns" -6 addr add "$n:1/64" dev "t-$1" nodad
		ip -n "$own" -6 addr add "$n:2/64" dev eth0 nodad
		ip -n "$own" -6 route add default via "$n:1"
	fi
	no_offload "$ns" "t-$1"; no_offload "$own" eth0
}

hostlan() {	# role
	local number lan own=$PFX-$1; number=$(number "$1"); lan=172.16.$number
	ip netns add "$own-lan"
	ip -n "$own" link add lan0 type veth peer name eth0 netns "$own-lan"
	ip -n "$own" addr add "$lan.1/24" dev lan0; ip -n "$own" link set lan0 up
	ip -n "$own-lan" link set lo up
	ip -n "$own-lan" addr add "$lan.10/24" dev eth0; ip -n "$own-lan" link set eth0 up
	ip -n "$own-lan" route add default via "$lan.1"
	ip -n "$own" -6 addr add "fd00:172:$number::1/64" dev lan0 nodad
	ip -n "$own-lan" -6 addr add "fd00:172:$number::10/64" dev eth0 nodad
	ip -n "$own-lan" -6 route add default via "fd00:172:$number::1"
	ip netns exec "$own" sysctl -qw net.ipv6.conf.all.forwarding=1
	no_offload "$own" lan0; no_offload "$own-lan" eth0
}

nat() {		# role...: they keep their 192.168.n.0/24, behind namespace $PFX-nat, whose outside is 192.168.9.2
	ip netns add "$PFX-nat"
	ip -n "$CORE" link add t-nat type veth peer name out netns "$PFX-nat"
	ip -n "$CORE" addr add 192.168.9.1/24 dev t-nat; ip -n "$CORE" link set t-nat up
	ip -n "$PFX-nat" link set lo up
	ip -n "$PFX-nat" addr add 192.168.9.2/24 dev out; ip -n "$PFX-nat" link set out up
	ip -n "$PFX-nat" route add default via 192.168.9.1
	ip netns exec "$PFX-nat" sysctl -qw net.ipv4.ip_forward=1
	ip netns exec "$PFX-nat" iptables -t nat -A POSTROUTING -o out -j MASQUERADE
	printf '%s\n' "$@" >"$RUN/nat-roles"
}

boot() {	# release role...
	local release=$1 role pid root=$STATE/trixie init=/nl-init; shift
	if [ "$release" = bookworm ]; then root=/ init=$LAB/guest-init.sh; fi
	for role; do
		attach_tap "$role"
		rm -rf "$RUN/$role"; mkdir -p "$RUN/$role/in" "$RUN/$role/out"
		setsid ip netns exec "$(leg_ns "$role")" env -i PATH="$PATH" HOME=/root TMPDIR=/dev/shm LD_PRELOAD="$STATE/umlfp.so" \
			"$UML" umid="$PFX-$role-$$" mem="$MEM" rootfstype=hostfs rootflags="$root" ro init="$init" \
			"vec0:transport=tap,ifname=t-$role,depth=64,gro=0" \
			nl.name="$role" nl.ctl="$RUN/$role" nl.lab="$LAB" nl.repo="${LAB%/test/interop/lab}" nl.mods="$MODS" quiet \
			con=null con0=null,fd:1 ssl=null \
			</dev/null >"$RUN/$role/console" 2>&1 &
		pid=$!; disown; echo $pid >"$RUN/$role/pid"
	done
	for role; do await_guest "$role"; guest_network "$role"; done
}

attach_tap() {	# role; the leg outlives its guest
	local n ns; n=$(nbma_net "$1"); ns=$(leg_ns "$1")
	ip -n "$ns" link show "t-$1" >/dev/null 2>&1 && return
	ip -n "$ns" tuntap add dev "t-$1" mode tap
	ip -n "$ns" addr add "$n.1/24" dev "t-$1"
	[ -z "${NL_V6:-}" ] || ip -n "$ns" -6 addr add "$(nbma6_net "$1"):1/64" dev "t-$1" nodad
	ip -n "$ns" link set "t-$1" up
}

await_guest() {	# role
	for _ in $(seq 1200); do
		[ -e "$RUN/$1/ready" ] && return
		kill -0 "$(cat "$RUN/$1/pid")" 2>/dev/null || die "guest $1 died, see $RUN/$1/console"
		sleep 0.05
	done
	die "guest $1 does not answer, see $RUN/$1/console"
}

guest_network() {	# role
	local n n6 v6='sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1'; n=$(nbma_net "$1"); n6=$(nbma6_net "$1")
	[ -z "${NL_V6:-}" ] || v6="ip -6 addr add $n6:2/64 dev eth0 nodad"
	run "$1" "ip link set vec0 name eth0; ip addr add $n.2/24 dev eth0; modprobe -q ipv6; $v6
		ethtool -K eth0 tx off gro off tso off >/dev/null 2>&1; ip link set eth0 up; ip route add default via $n.1" || die "network of $1"
	[ -z "${NL_V6:-}" ] || run "$1" "ip -6 route add default via $n6:1" || die "IPv6 network of $1"
}

run() {		# role [command...]   (stdin when there is no command)
	local d=$RUN/$1 n; shift
	n=$(date +%s%N)
	if [ $# -gt 0 ]; then printf '%s\n' ". /lab/guest-lib.sh" "$*" >"$d/in/$n.new"; else { echo ". /lab/guest-lib.sh"; cat; } >"$d/in/$n.new"; fi
	mv "$d/in/$n.new" "$d/in/$n.sh"
	for _ in $(seq 2400); do
		[ -e "$d/out/$n.rc" ] && break
		kill -0 "$(cat "$d/pid")" 2>/dev/null || die "guest is gone, see $d/console"
		sleep 0.05
	done
	[ -e "$d/out/$n.rc" ] || die "no answer"
	cat "$d/out/$n.out"
	return "$(cat "$d/out/$n.rc")"
}

kill_guest() {	# role: it was started with setsid, so its process group holds only its own processes
	local p; p=$(cat "$RUN/$1/pid" 2>/dev/null) || return 0
	kill -KILL -- "-$p" 2>/dev/null || kill -KILL "$p" 2>/dev/null
	true
}

cap() {
	local role=${2:-} p
	if [ "$1" = start ]; then
		# --immediate-mode: without it the end of the recording is lost
		ip netns exec "$(leg_ns "$role")" tcpdump -q -U --immediate-mode -s 0 -i "t-$role" -w "$RUN/cap/$role.pcap" >"$RUN/cap/$role.log" 2>&1 </dev/null &
		disown; echo $! >>"$RUN/cap/pids"
		for _ in $(seq 100); do grep -qs listening "$RUN/cap/$role.log" && return; sleep 0.02; done
		die "tcpdump does not start: $(cat "$RUN/cap/$role.log")"
	fi
	for p in $(cat "$RUN/cap/pids" 2>/dev/null); do kill -INT "$p" 2>/dev/null; done
	rm -f "$RUN/cap/pids"
}

down() {
	local d ns
	for d in "$RUN"/*/; do [ ! -e "$d/pid" ] || kill_guest "$(basename "$d")"; done
	cap stop
	d=$(cat "$RUN/watcher" 2>/dev/null) && [ "$d" != $$ ] && kill -- "-$d" 2>/dev/null
	for ns in $(ip netns list | awk '{print $1}' | grep -E "^$PFX-(core|nat|(hub[2-9]?|s[1-8])(-lan)?)$"); do ip netns del "$ns"; done
	rm -rf "$RUN"
	true
}

c=${1:-}; [ $# -gt 0 ] && shift
case $c in
net | boot | run | hostns | hostlan | nat | cap | down) $c "$@" ;;
kill) kill_guest "$@" ;;
*) sed -n 2,13p "$0" ;;
esac
