#!/usr/bin/env bash
# Checks everything, the quick things first; stops at the first failure. `lint` stops after the
# checks that run nothing. scripts/setup.sh has installed what this needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Absolute paths throughout: each test runs in its crate's folder.
# One folder for the store and for the tests that look into it.
REPARTEE_MODELS_DIR=$(realpath -m "${REPARTEE_MODELS_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/repartee/models}")
export REPARTEE_MODELS_DIR
# Recordings of speech with a manifest; tests over them are skipped where there are none.
speech=$(realpath -m "${REPARTEE_SPEECH_DIR:-../shared/speech}")
# Screenshots and the log of the server that the browser talks to.
artifacts=$(realpath -m "${ARTIFACTS:-web/test/artifacts}")

section() { printf '\n=== %s\n' "$*"; }

# The binary as the tests have it. It is not built apart: without the tests' own dependencies half
# of the libraries would be compiled a second time.
binary() {
  cargo metadata --format-version 1 --no-deps --locked |
    node -p 'JSON.parse(require("fs").readFileSync(0)).target_directory + "/debug/repartee"'
}

# Not --all-features, which wants NVIDIA's toolkit: the binary turns on every other feature, and
# so does whatever is built together with it.
lint() {
  section "format"
  cargo fmt --all --check
  section "lints"
  cargo clippy --workspace --all-targets --locked -- -D warnings
  section "documentation"
  RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked
}

rust_tests() {
  section "build"
  cargo test --workspace --locked --no-run
  section "models"
  "$(binary)" models pull
  section "tests of the server, with real models"
  if [[ -f $speech/manifest.tsv ]]; then
    # what should be tested and cannot be is a failure
    export REPARTEE_REQUIRE_MODELS=1 REPARTEE_SPEECH_DIR=$speech
  else
    echo "skipping tests over recorded speech: none in $speech (REPARTEE_SPEECH_DIR names another folder)"
  fi
  cargo test --workspace --locked
}

web_tests() {
  section "types and tests of the page"
  cd web
  if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
    npm ci
  fi
  npm run --silent check
  npm test --silent
  section "the page in a browser"
  mkdir -p "$artifacts"
  export ARTIFACTS=$artifacts
  if [[ -f $speech/turn-weather-paris.wav ]]; then
    export SPEECH_WAV=$speech/turn-weather-paris.wav SPEECH_WORDS=weather,Paris
    node ../scripts/with-server.mjs "$(binary)" "$artifacts/server.log" npm run --silent browser
  else
    echo "skipping the spoken turn with real models: no recordings"
    npm run --silent browser
  fi
}

lint
if [[ ${1:-} == lint ]]; then exit; fi
rust_tests
web_tests
section "all checks passed"
