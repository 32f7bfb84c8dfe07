#!/bin/bash
# The runbook by hand: one Provider, Person-only, with one domain, by the literal commands that operators type. It is what the
# bot is measured against.
#
#   runbook.sh SLUG DOMAIN EMAIL "DISPLAY NAME"
#
# Runs beside a world, which names itself in the environment: see World.Environment. Prints what each part took.
set -euo pipefail
slug=$1 domain=$2 email=$3 name=$4

began=$EPOCHREALTIME last=$EPOCHREALTIME
took() {
	local now=$EPOCHREALTIME
	awk -v what="$1" -v a="$last" -v b="$now" 'BEGIN { printf "runbook %-14s %6.0f ms\n", what, (b - a) * 1000 }'
	last=$now
}
expect() { # WHAT WANT GOT
	[ "$2" = "$3" ] || { printf 'runbook: %s: want "%s", got "%s"\n' "$1" "$2" "$3" >&2; exit 1; }
}
status() { curl -sS -o /dev/null -w '%{http_code}' "$@"; }

# Database steps.
id=$(psql "$PLATFORM_DSN" -qAtX -v ON_ERROR_STOP=1 -v slug="$slug" -v email="$email" -v name="$name" <<'SQL'
INSERT INTO users (id, slug, email, display_name)
VALUES (gen_random_uuid(), :'slug', :'email', :'name')
RETURNING id;
SQL
)
took database

# DNS.
knsupdate -k "$TSIG_FILE" <<END
server $DNS_SERVER
zone $domain.
update add $domain. 60 A $VPS_IPV4
update add $domain. 60 AAAA $VPS_IPV6
update add www.$domain. 60 A $VPS_IPV4
update add www.$domain. 60 AAAA $VPS_IPV6
send
END
for server in $DNS_SERVER $DNS_SERVER_2; do
	for host in "$domain" "www.$domain"; do
		expect "A of $host" "$VPS_IPV4" "$(kdig +short "@$server" "$host" A)"
		expect "AAAA of $host" "$VPS_IPV6" "$(kdig +short "@$server" "$host" AAAA)"
	done
done
took dns

# Deploy config.
target=${domain%.com}
cd "$PLATFORM_REPO/deployments/@domains"
cp -r '_template/{provider}.com' "$domain"
sed -i "s/{provider}\.com/$domain/g; s/{provider}/$target/g" "$domain"/{services.yaml,deploy.sh,nginx/prod.conf}
git add "$domain"
git commit --quiet --message "Add $domain"
git push --quiet
took deploy-config

# HTTP stub.
cd "$PLATFORM_REPO"
ssh quinn-vps "mkdir -p /var/www/$domain"
./run "deploy:$target" --from-local --nginx
for host in "$domain" "www.$domain"; do
	# nginx -s reload returns before the old workers have stopped accepting.
	for _ in {1..200}; do
		[ "$(status "http://$host/")" = 200 ] && continue 2
		sleep 0.02
	done
	expect "http://$host" 200 "$(status "http://$host/")"
done
took deploy

# Certificate.
ssh quinn-vps "certbot --nginx -d $domain -d www.$domain --non-interactive --agree-tos -m $email --redirect"
for host in "$domain" "www.$domain"; do
	expect "https://$host" 200 "$(status --cacert "$ROOTS" "https://$host/")"
	expect "redirect of $host" "301 https://$host/" "$(curl -sS -o /dev/null -w '%{http_code} %{redirect_url}' "http://$host/")"
done
took certificate

# The certbot-modified conf back to the repo, so that future deploys preserve TLS.
ssh quinn-vps "cat /etc/nginx/sites-available/$target" |
	ssh apricot "cat > ~/Code/@projects/@atlilith/@platform/deployments/@domains/$domain/nginx/prod.conf"
grep -q 'managed by Certbot' "deployments/@domains/$domain/nginx/prod.conf"
git commit --quiet --all --message "Keep certbot's configuration of $domain"
git push --quiet
took sync

# Go live.
sed -i 's/held_back: true/held_back: false/' "deployments/@domains/$domain/services.yaml"
git commit --quiet --all --message "Put $domain live"
git push --quiet
took go-live

# Success check.
curl -sS --cacert "$ROOTS" "https://$slug.my/" | grep -qF "<h1>$name</h1>"
rows=$(psql "$PLATFORM_DSN" -qAtX -v ON_ERROR_STOP=1 -v id="$id" <<'SQL'
BEGIN;
SET LOCAL ROLE platform_app;
SELECT set_config('app.user_id', :'id', true) \g /dev/null
INSERT INTO bookings (user_id, client, starts_at) VALUES (:'id', 'probe', now());
INSERT INTO inbox_messages (user_id, sender, body) VALUES (:'id', 'probe', 'probe');
INSERT INTO analytics_events (user_id, name) VALUES (:'id', 'probe');
SELECT (SELECT count(*) FROM bookings), (SELECT count(*) FROM inbox_messages), (SELECT count(*) FROM analytics_events);
SELECT set_config('app.user_id', (SELECT '11111111-1111-4111-8111-111111111111'), true) \g /dev/null
SELECT count(*) FROM bookings WHERE user_id = :'id';
ROLLBACK;
SQL
)
expect "rows of the new tenant, and what another sees of them" "1|1|1 0" "${rows//$'\n'/ }"
took verify

last=$began
took all
