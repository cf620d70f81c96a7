#!/usr/bin/env bash
# FusionPBX-like: a domain is a company of the same name.
# DATABASE=postgres://… DOMAIN=acme.example.com CARRIER=main BASE=… KEY=… ./fusionpbx.sh [calls]
set -euo pipefail
here=$(dirname "$0")
out=$(mktemp -d)
trap 'rm -r "$out"' EXIT

sql() { psql "$DATABASE" -qX -v ON_ERROR_STOP=1 -v domain="$DOMAIN" -v carrier="$CARRIER" "$@"; }

# Numbers of the United States, with 10 or 11 digits.
e164() { echo "'+' || right('1' || regexp_replace($1, '\D', '', 'g'), 11)"; }
is_number() { echo "length(regexp_replace($1, '\D', '', 'g')) >= 10"; }

calls() {
  sql -At <<SQL | curl -sS --fail-with-body "$BASE/v1/pbx/calls" -H "Authorization: Bearer $KEY" \
    -H 'Content-Type: application/json' --data-binary @-
SELECT coalesce(json_agg(c), '[]') FROM (
  SELECT xml_cdr_uuid AS key, extension, direction, $(e164 other) AS number,
    CASE WHEN direction = 'inbound' AND NOT $(is_number caller_id_name) THEN nullif(trim(caller_id_name), '') END
      AS caller_name,
    to_char(to_timestamp(start_epoch) AT TIME ZONE 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at
  FROM (SELECT *, CASE direction WHEN 'inbound' THEN caller_id_number ELSE destination_number END AS other
    FROM v_xml_cdr) r
    JOIN v_extensions USING (extension_uuid, domain_uuid) JOIN v_domains USING (domain_uuid)
  WHERE v_domains.domain_name = :'domain' AND direction IN ('inbound', 'outbound') AND $(is_number other)
  ORDER BY start_epoch DESC LIMIT 1000) c
SQL
  echo
}

if [ "${1-}" = calls ]; then
  calls
  exit
fi

sql --csv -o "$out/extensions.csv" <<SQL
SELECT extension, coalesce(nullif(effective_caller_id_name, ''), extension) AS name,
  enabled::text IN ('t', 'true') AS enabled, 'contacts' AS phonebooks,
  CASE WHEN $(is_number outbound_caller_id_number) THEN $(e164 outbound_caller_id_number) END AS caller_ids
FROM v_extensions JOIN v_domains USING (domain_uuid) WHERE domain_name = :'domain' ORDER BY extension
SQL
sql --csv -o "$out/numbers.csv" <<SQL
SELECT $(e164 destination_number) AS number, destination_description AS label, true AS sms_enabled,
  :'carrier' AS carrier
FROM v_destinations JOIN v_domains USING (domain_uuid)
WHERE domain_name = :'domain' AND destination_type = 'inbound' AND destination_enabled::text IN ('t', 'true')
  AND $(is_number destination_number)
SQL
sql --csv -o "$out/contacts.csv" <<SQL
SELECT contact_uuid AS key,
  coalesce(nullif(concat_ws(' ', nullif(contact_name_given, ''), nullif(contact_name_family, '')), ''),
    contact_organization) AS name,
  string_agg($(e164 phone_number), ';' ORDER BY phone_number) AS numbers
FROM v_contacts c JOIN v_contact_phones p USING (contact_uuid) JOIN v_domains d ON d.domain_uuid = c.domain_uuid
WHERE domain_name = :'domain' AND $(is_number phone_number)
GROUP BY contact_uuid, contact_name_given, contact_name_family, contact_organization ORDER BY contact_uuid
SQL
python3 "$here/nightly.py" "$out"
