#!/usr/bin/env sh
# Makes what docker-compose.yml and cluster/compose.yml read and git must never see: credentials of both services and a certificate. Keeps what exists.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
random() { openssl rand -base64 48 | tr -dc 'A-Za-z0-9' | cut -c "1-$1"; }
if [ ! -f secrets/keys.env ]; then
  id="AKIA$(random 16 | tr a-z A-Z)"
  secret="$(random 40)"
  printf 'COFFER_ACCESS_KEY_ID=%s\nCOFFER_SECRET_ACCESS_KEY=%s\n' "$id" "$secret" > secrets/keys.env
  # The gateway signs its requests to the key service with these, and takes its own clients' with others.
  {
    printf 'AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n' "$id" "$secret"
    printf 'COFFER_ACCESS_KEY_ID=AKIA%s\nCOFFER_SECRET_ACCESS_KEY=%s\n' "$(random 16 | tr a-z A-Z)" "$(random 40)"
  } > secrets/gateway.env
fi
if [ ! -f secrets/postgres.env ]; then
  # The same password, as the database and as a gateway read it.
  password="$(random 40)"
  printf 'PGPASSWORD_SUPERUSER=%s\nCOFFER_META_PASSWORD=%s\n' "$password" "$password" > secrets/postgres.env
fi
if [ ! -f secrets/tls.crt ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 -subj /CN=coffer \
    -addext 'subjectAltName=DNS:localhost,DNS:gateway,IP:127.0.0.1' -keyout secrets/tls.key -out secrets/tls.crt 2>/dev/null
  chmod 644 secrets/tls.key # compose mounts it as it is, for the user inside the container
fi
echo "secrets/ is ready"
