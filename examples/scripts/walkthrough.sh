#!/usr/bin/env bash
# The lifecycle of a teleconsultation with curl: created, extended, completed with a participant, cancelled.
#
#   cargo run --release -p teleconsult-server -- demo --port 3000      # in one terminal
#   examples/scripts/walkthrough.sh http://127.0.0.1:3000              # in another
#
# Stops with a message at the first unexpected status.
set -euo pipefail

server=${1:-http://127.0.0.1:3000}
command -v curl >/dev/null || { echo "curl is missing; on Debian: apt-get install curl" >&2; exit 1; }

# call EXPECTED_STATUS METHOD PATH [curl arguments]: prints the exchange and stores the body in $body.
call() {
    local expected=$1 method=$2 path=$3 response status
    shift 3
    response=$(curl -sS -X "$method" "$server$path" -w '\n%{http_code}' "$@")
    status=${response##*$'\n'}
    body=${response%$'\n'*}
    printf '%s %s\n  -> %s %s\n\n' "$method" "$path" "$status" "$body"
    [ "$status" = "$expected" ] || { echo "expected $expected" >&2; exit 1; }
}

json() { printf '%s' "$body" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
in_minutes() { date -u -d "+$1 minutes" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -v "+$1M" +%Y-%m-%dT%H:%M:%SZ; }

type='content-type: application/json'
doctor='{"userId": "dr.rossi", "groups": ["doctor"], "fullName": "Anna Rossi"}'
patient='{"userId": "patient-42", "groups": ["patient"], "fullName": "Marco Bianchi"}'

echo "-- Health check."
call 200 GET /-/healthz

echo "-- Create a teleconsultation for two. The patient is not known yet, so the room is not created."
call 201 POST /teleconsultation -H "$type" \
    -d "{\"start_date\": \"$(in_minutes 0)\", \"duration_in_seconds\": 1800, \"participants\": {\"number\": 2, \"data\": [$doctor]}}"
room=$(json roomId)

echo "-- Read it as the doctor: no link yet."
call 200 GET "/teleconsultation/$room" -H 'miauserid: dr.rossi'

echo "-- Extend it."
call 204 PATCH "/teleconsultation/$room" -H "$type" -d "{\"end_date\": \"$(in_minutes 90)\"}"

echo "-- Add the patient. All participants are known, so the room is created."
call 201 POST "/teleconsultation/$room/participants/data" -H "$type" -d "$patient"

echo "-- Each participant has a personal link."
call 200 GET "/teleconsultation/$room?language=it" -H 'miauserid: dr.rossi'
doctors_link=$(json accessLinkURL)
call 200 GET "/teleconsultation/$room" -H 'miauserid: patient-42'
patients_link=$(json accessLinkURL)
[ -n "$doctors_link" ] && [ -n "$patients_link" ] && [ "$doctors_link" != "$patients_link" ]
printf 'open in a browser, as the doctor:   %s\nopen in a browser, as the patient:  %s\n\n' "$doctors_link" "$patients_link"

echo "-- Other users have no access."
call 401 GET "/teleconsultation/$room" -H 'miauserid: stranger'

echo "-- It has started, so it can no longer be changed."
call 409 PATCH "/teleconsultation/$room" -H "$type" -d "{\"end_date\": \"$(in_minutes 120)\"}"

echo "-- Issue a token for the mobile app of the patient."
call 201 POST /credentials -H 'miauserid: patient-42' -H "$type" -d '{"expiresIn": 600}'

echo "-- Cancel it."
call 204 DELETE "/teleconsultation/$room"
call 404 GET "/teleconsultation/$room" -H 'miauserid: dr.rossi'

echo "All responses were as expected."
