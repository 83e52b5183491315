# Sourced after environment.sh: removes `--data DIR` from the arguments and exports FORGE_DATA as an absolute path.
# data_places: the number of leading arguments that are searched for it (default: all).
# shellcheck shell=sh
left=${data_places-$#}
while [ "$left" -gt 0 ]; do
    left=$((left - 1))
    argument=$1
    shift
    case $argument in
    --data)
        [ "$left" -gt 0 ] || fail "--data needs a folder."
        FORGE_DATA=$1
        left=$((left - 1))
        shift
        ;;
    --data=*) FORGE_DATA=${argument#--data=} ;;
    *) set -- "$@" "$argument" ;;
    esac
done

FORGE_DATA=$(absolute "${FORGE_DATA:-$root/.forge}")
mkdir -p -- "$FORGE_DATA" 2>/dev/null && [ -w "$FORGE_DATA" ] || fail "The data folder $FORGE_DATA is not writable."
export FORGE_DATA
