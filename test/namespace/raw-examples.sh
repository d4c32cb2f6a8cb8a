# Run as root in a network namespace of its own, the hub's: makes the spoke's and a wire between them.
#   sh raw-examples.sh FOLDER HUB SPOKE    the last two are commands; their output and the recording go into FOLDER
set -e
folder=$1

unshare --net sleep 120 &
there=$!
trap 'kill $there 2>/dev/null' EXIT
until [ "$(readlink /proc/$there/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
enter="nsenter --net=/proc/$there/ns/net"

ip link set lo up
ip link add hub0 type veth peer name spoke0
ip link set spoke0 netns $there
ip address add 192.0.2.1/24 dev hub0
ip link set hub0 up
$enter ip link set lo up
$enter ip address add 192.0.2.2/24 dev spoke0
$enter ip link set spoke0 up

dumpcap -q -i hub0 -w "$folder/wire.pcapng" 2>"$folder/dumpcap" &
recorder=$!
waits_for() { # PATTERN FILE
	for _ in $(seq 200); do
		grep -q "$1" "$folder/$2" 2>/dev/null && return
		sleep 0.1
	done
	echo "waited in vain for $1 in $2:"
	cat "$folder/$2"
	exit 1
}
# A port that nobody listens on is refused by the other side's kernel, if the way there and back is open.
knock() { node -e "require('net').connect(9, '$1').on('error', (e) => console.log('$1', e.code)).setTimeout(5000, () => process.exit(1))"; }

waits_for "Capturing" dumpcap
sh -c "exec $2" >"$folder/hub" 2>&1 &
hub=$!
waits_for 10.0.0.100/32 hub
$enter sh -c "exec $3" >"$folder/spoke" 2>&1 &
spoke=$!
waits_for "^registered" spoke
knock 10.0.0.1
ip route get 10.0.0.1 | head -n 1

kill -TERM $spoke
wait $spoke
echo "spoke $?"
waits_for "reason=purged" hub
kill -TERM $hub
wait $hub
echo "hub $?"
kill -INT $recorder
wait $recorder || true
