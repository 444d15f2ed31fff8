#!/bin/bash
# Judges the patch that the agent handed in. The folders are Harbor's where nothing else is said.
tests=$(cd "$(dirname "$0")" && pwd -P)
chmod +x "$tests/spotter-grader"
exec "$tests/spotter-grader" "$tests" "${SPOTTER_LOGS:-/logs}" ${SPOTTER_ROOT:+"$SPOTTER_ROOT"}
