# Sourced by the commands in this folder: paths of the project and its virtual environment.
# shellcheck shell=sh
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

absolute() {
    case $1 in
    /*) printf '%s\n' "$1" ;;
    *) printf '%s\n' "$PWD/$1" ;;
    esac
}

fail() {
    printf '%s\n' "$1" >&2
    exit 2
}

venv=$(absolute "${FORGE_VENV:-$root/.venv}")
python=$venv/bin/python
export FORGE_VENV="$venv"
