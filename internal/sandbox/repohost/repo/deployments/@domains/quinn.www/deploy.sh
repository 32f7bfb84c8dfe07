# shellcheck shell=bash disable=SC2034
# Where ./run puts this domain. Sourced, never executed.

REMOTE_HOST="quinn-vps"

REMOTE_DEST="/var/www/transquinnftw.com"
REMOTE_NGINX_CONF="/etc/nginx/sites-available/quinn-www"
