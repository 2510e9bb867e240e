#!/usr/bin/env bash
# Installs what running (`run`) or testing (`test`) needs and is not here, or says what to install.
set -euo pipefail

readonly RUST=1.95 NODE=20
purpose=${1:-}
if [[ $purpose != run && $purpose != test ]]; then
  echo "usage: scripts/setup.sh run|test" >&2
  exit 2
fi

# What is missing: Debian packages, the same in words for other systems, and what apt cannot give.
packages=()
things=()
problems=()

has() { command -v "$1" >/dev/null; }

# Whether a file matches one of these patterns.
any() {
  local pattern
  for pattern in "$@"; do
    if compgen -G "$pattern" >/dev/null; then return 0; fi
  done
  return 1
}

# Whether version $1 is at least $2.
at_least() { [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]; }

need() { # PACKAGE DESCRIPTION
  packages+=("$1")
  things+=("$2")
}

has_cxx() { has c++ || has g++ || has clang++; }

# llama.cpp's headers are read with libclang, which wants clang's own headers beside it.
has_libclang() {
  if [[ -n ${LIBCLANG_PATH:-} ]]; then return 0; fi
  any '/usr/lib/llvm-*/lib/libclang.so*' '/usr/lib/llvm-*/lib/libclang-[0-9]*.so*' \
    '/usr/lib/libclang.so*' '/usr/lib64/libclang.so*' &&
    any '/usr/lib/llvm-*/lib/clang/*/include/stddef.h' '/usr/lib/clang/*/include/stddef.h'
}

has_flite() {
  local libraries
  libraries=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p)
  [[ $libraries == *libflite.so.1* && $libraries == *libflite_cmu_us_slt.so.1* ]]
}

# Models are fetched from the package index that pip uses.
knows_index() { [[ -n ${PIP_INDEX_URL:-}${REPARTEE_OFFLINE:-} ]] || python3 -c 'import pip' 2>/dev/null; }

has_chromium() {
  [[ -n ${CHROMIUM:-} ]] || has chromium || has chromium-browser || has google-chrome
}

look_for_packages() {
  has cmake || need cmake "CMake"
  has_cxx || need g++ "a C++ compiler"
  has_libclang || need libclang-dev "libclang with its headers"
  has_flite || need libflite1 "Flite 2 as shared libraries (libflite.so.1 and its voices)"
  knows_index || need python3-pip "Python 3 with pip"
  if [[ $purpose == test ]]; then
    has_chromium || need chromium "Chromium (or name a browser of its kind in CHROMIUM)"
  fi
}

look_for_rust() {
  local version
  # rustup's rustc is there and fails when no toolchain is installed
  if ! has cargo || ! version=$(rustc --version 2>/dev/null); then
    problems+=("Rust $RUST or newer is missing: https://rustup.rs tells how to install it")
    return
  fi
  version=${version#rustc }
  version=${version%%[ -]*}
  at_least "$version" "$RUST" ||
    problems+=("Rust is $version, and $RUST or newer is needed: rustup update stable")
}

look_for_node() {
  local version
  if ! has npm || ! version=$(node --version 2>/dev/null); then
    problems+=("Node.js $NODE or newer with npm is missing; the tests of the web page need it")
    return
  fi
  at_least "${version#v}" "$NODE" ||
    problems+=("Node.js is $version, and $NODE or newer is needed by the tests of the web page")
}

install_packages() {
  local as_root=()
  if ! has apt-get; then
    problems+=("please install: $(printf '%s; ' "${things[@]}" | sed 's/; $//')")
    return
  fi
  if [[ $(id -u) != 0 ]]; then
    if ! has sudo || ! sudo -n true 2>/dev/null; then
      problems+=("please install some packages: sudo apt-get install ${packages[*]}")
      return
    fi
    as_root=(sudo -n)
  fi
  echo "Installing Debian packages: ${packages[*]}"
  as_root+=(env DEBIAN_FRONTEND=noninteractive)
  "${as_root[@]}" apt-get update -q </dev/null || echo "The package lists may be old; going on." >&2
  "${as_root[@]}" apt-get install -y -q --no-install-recommends "${packages[@]}" </dev/null ||
    problems+=("apt-get could not install: ${packages[*]}")
}

look_for_packages
look_for_rust
if [[ $purpose == test ]]; then look_for_node; fi
if ((${#packages[@]})); then install_packages; fi
if ((${#problems[@]})); then
  printf 'setup: %s\n' "${problems[@]}" >&2
  exit 1
fi
