#!/usr/bin/env bash
# Where ./run deploys this domain.
# shellcheck disable=SC2034

# The server's alias in ssh_config.
REMOTE_HOST="quinn-vps"

REMOTE_DEST="/var/www/{provider}.com"
REMOTE_NGINX_CONF="/etc/nginx/sites-available/{provider}"
