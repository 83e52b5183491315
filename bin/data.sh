# Sourced after environment.sh: takes `--data DIR` out of the arguments and exports FORGE_DATA as an absolute path.
# data_places: how many arguments, from the first, may be that option (default: all).
# shellcheck shell=sh
left=${data_places-$#}
while [ "$left" -gt 0 ]; do
    left=$((left - 1))
    argument=$1
    shift
    case $argument in
    --data)
        [ "$left" -gt 0 ] || fail "--data wants a folder after it."
        FORGE_DATA=$1
        left=$((left - 1))
        shift
        ;;
    --data=*) FORGE_DATA=${argument#--data=} ;;
    *) set -- "$@" "$argument" ;;
    esac
done

FORGE_DATA=$(absolute "${FORGE_DATA:-$root/.forge}")
mkdir -p -- "$FORGE_DATA" 2>/dev/null && [ -w "$FORGE_DATA" ] || fail "The data folder $FORGE_DATA cannot be written to."
export FORGE_DATA
