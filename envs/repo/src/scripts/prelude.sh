# Runs git the same way whatever the image or the agent configured. Expects $root and $scratch.
set -uo pipefail
export LC_ALL=C
umask 022

fail() { # kind, message: ends the script; script.rs knows the exit codes
    printf '\nspotter-fail: %s\n' "$2"
    case $1 in unusable) exit 93 ;; leak) exit 94 ;; patch) exit 95 ;; *) exit 99 ;; esac
}
say() { printf '\nspotter-say: %s\n' "$1"; } # key and value: a line of the answer

unset -v "${!GIT_@}"
command -v git > /dev/null || fail unusable 'git is not installed in the image'
# No one can know its name before.
home=$scratch/git.$$.$RANDOM$RANDOM$RANDOM
[ ! -e "$home" ] && mkdir -p "$home" || fail broken "cannot write to \`$scratch\`"
trap 'rm -rf "$home"' EXIT
# Images are often built by another user than the one that runs them.
printf '[safe]\n\tdirectory = *\n[core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n' > "$home/.gitconfig"
printf '[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[submodule]\n\trecurse = false\n' >> "$home/.gitconfig"
export HOME=$home XDG_CONFIG_HOME=$home GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1
export GIT_NO_REPLACE_OBJECTS=1 GIT_GRAFT_FILE=$home/none
# A partial clone must not ask its remote for what it lacks.
export GIT_NO_LAZY_FETCH=1 GIT_ALLOW_PROTOCOL=none GIT_TERMINAL_PROMPT=0
parent=${root%/*}
export GIT_CEILING_DIRECTORIES=${parent:-/}
