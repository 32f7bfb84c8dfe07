# Becomes the machine: its network, and its own directories over Debian's. $0 is its name, $1 its folder, $2 and $3 its
# addresses, $4 the world's IPv6 address. It stays until its standard input closes.
set -eu
read -r connected
ip -batch - <<END
link set lo up
link set eth0 up
addr add $2/32 dev eth0
addr add $3/128 dev eth0 nodad
route add 192.0.2.0/24 dev eth0 src $2
route add $4/128 dev eth0 src $3
END
# An ordinary user's nginx and sshd hold no capability over this network.
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
mount --make-rprivate /
for folder in /etc/nginx /etc/letsencrypt /var /run; do
	[ -d "$folder" ] || { echo "no $folder: install the packages nginx and certbot" >&2; exit 1; }
	mount --bind "$1$folder" "$folder"
done
echo up
exec cat > /dev/null
