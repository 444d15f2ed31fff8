# Reads commands from standard input and evaluates them in this very shell. Sent to `bash -c` in two parts, split at the
# line that names the second; see mod.rs for the messages. Needs bash 4.4 for `mapfile -d`.
#
# 50 is where requests come from, 51 takes the output of commands, 52 takes the messages to the host. A command gets
# none of 50 and 52, so it can neither read its nonce nor send a message by them. A program that looks for the shell's
# descriptors below /proc still can, as it runs as the same user.
for __spotter_fd in /proc/$$/fd/*; do
  # What the parent of this shell left open.
  ((${__spotter_fd##*/} > 2)) && builtin eval "exec ${__spotter_fd##*/}>&-"
done
exec 50<&0 51>&1 52>&2 0</dev/null 2>/dev/null
builtin printf '\0' >&52
builtin set +o privileged
builtin umask 022
builtin shopt -s expand_aliases
# The kernel shall pick a command before the process that looks after the sandbox.
builtin printf 500 >/proc/self/oom_score_adj

__spotter_busy=1 __spotter_ran= __spotter_status=0 __spotter_trace= __spotter_on_exit= __spotter_ending=
__spotter_command= __spotter_nonce= __spotter_uptime= __spotter_loadavg=

# Ends the command that ran, if one did: its end goes into the output, what is known of it to the host.
__spotter_end() {
  __spotter_status=$1
  case $- in
    *x*) builtin set +x; __spotter_trace=1 ;;
    *) __spotter_trace= ;;
  esac
  [[ $__spotter_busy ]] || builtin return 0
  case $__spotter_command in
    *trap*) __spotter_keep_exit_trap ;;
  esac
  __spotter_take_nonce
  __spotter_busy=
  __spotter_report
  # The host need not wait for it.
  __spotter_export
}

# The host reads the nonce behind the output, and knows by it that the command has ended.
__spotter_take_nonce() {
  until builtin read -r -N 32 -u 50 __spotter_nonce; do
    # A trap of a command, or its TMOUT, ends a read that has read nothing.
    (($? > 128)) && [[ ! $__spotter_nonce ]] || builtin return 0
  done
}

# In one line, as bash writes each line of its own. $__spotter_clock: whether the host cannot read our clock.
__spotter_report() {
  [[ $__spotter_clock ]] && {
    builtin read -r __spotter_uptime </proc/uptime
    builtin read -r __spotter_loadavg </proc/loadavg
  }
  builtin printf 'E%s;%s;%s;%s;%s;%s;%s\0' "$__spotter_status" "$__spotter_ran" "$__spotter_ending" "$$" \
    "$__spotter_uptime" "$__spotter_loadavg" "$PWD" >&52
  builtin printf %s "$__spotter_nonce" >&51
}

# Tells the host what is exported, for the next shell; the variables of the driver are, after `set -a`.
__spotter_export() {
  [[ ${__spotter_busy@a} == *x* ]] && builtin export -n "${!__spotter_@}"
  {
    builtin printf V
    builtin declare -px
    builtin printf '\0'
  } >&52
}

# A trap that a command set on EXIT is run by ours, so that ours stays in place.
__spotter_keep_exit_trap() {
  __spotter_trap=$(builtin trap -p EXIT)
  [[ $__spotter_trap == *__spotter_exit* ]] && builtin return 0
  builtin eval "set -- $__spotter_trap"
  # In POSIX mode, a trap that is not set is told as `-`.
  __spotter_on_exit=${3-}
  [[ $__spotter_on_exit == - ]] && __spotter_on_exit=
  builtin trap '__spotter_exit "$?"' EXIT
}

# Waits for a request: a digit and a length of eleven digits, then the command. Each is read in one piece, as the length
# is known; what has no length is read byte by byte.
__spotter_next() {
  __spotter_head=
  until builtin read -r -N 12 -u 50 __spotter_head; do
    (($? > 128)) && [[ ! $__spotter_head ]] || __spotter_leave
  done
  case $__spotter_head in
    # Its length is in bytes. Where a command has made LC_ALL unchangeable, all is read up to the NUL byte.
    [23]*)
      __spotter_command=
      LC_ALL=C builtin read -r -N "${__spotter_head#?}" -u 50 __spotter_command
      builtin mapfile -t -d '' -n 1 -u 50 __spotter_rest && __spotter_command+=${__spotter_rest[0]-}
      ;;
    *) builtin read -r -N "${__spotter_head#?}" -u 50 __spotter_command || __spotter_leave ;;
  esac
  builtin printf 'B\0' >&52
  __spotter_busy=1 __spotter_ran= __spotter_nonce=
  __spotter_code="__spotter_begin && builtin :; $__spotter_command"
  case $__spotter_head in
    [13]*) __spotter_check ;;
  esac
  builtin return 0
}

# Nothing more will come.
__spotter_leave() {
  builtin trap - EXIT
  [[ $__spotter_on_exit ]] && { builtin eval "$__spotter_on_exit"; } </dev/null >&51 2>&1 50<&- 51>&- 52>&-
  builtin exit 0
}

# Several lines are parsed one by one, so a mistake in a later one must be found before the first one runs.
__spotter_check() {
  __spotter_message=$(LC_ALL=C exec -a bash "$BASH" -n -O extglob 2>&1 <<<"$__spotter_command") &&
    __spotter_checked=0 || __spotter_checked=$?
  case $__spotter_checked:$__spotter_message in
    # Not a word on the command itself.
    *'cannot create temp file'*) ;;
    0:*'warning: here-document at line '* | [12]:*) __spotter_code=__spotter_refuse ;;
  esac
}

__spotter_refuse() { builtin printf '%s\n' "$__spotter_message"; }

# Runs in front of each command on its first line: whoever does not see it run knows that the line did not parse. Its
# status is that of the command before; with `&&` behind it, no trap takes that for a failure.
__spotter_begin() {
  __spotter_ran=1
  [[ $__spotter_trace ]] && builtin set -x
  builtin return "$__spotter_status"
}

# The shell ends: sends the host the end of the command.
__spotter_exit() {
  builtin trap - EXIT DEBUG ERR RETURN
  builtin set +e +n +t +x +u
  __spotter_status=$1
  __spotter_find_handles
  if [[ $__spotter_on_exit ]]; then
    { builtin eval "$__spotter_on_exit"; } </dev/null >&51 2>&1 50<&- 51>&- 52>&-
  fi
  # It is there already when a signal ends the shell between two commands.
  [[ $__spotter_nonce ]] || __spotter_take_nonce
  __spotter_ending=1
  __spotter_export
  __spotter_report
}

# In a function, bash has not yet undone the redirections of the command when it runs the trap. The handles are then
# only where bash saved them: pipes that are closed on exec, one to read from, two to write to.
__spotter_find_handles() {
  { builtin : >&52; } 2>/dev/null && builtin return
  __spotter_pipes=()
  for __spotter_fd in {10..40}; do
    [[ -p /dev/fd/$__spotter_fd ]] || builtin continue
    builtin mapfile -t -n 2 __spotter_info </proc/$$/fdinfo/$__spotter_fd
    __spotter_info=$((0${__spotter_info[1]##*[!0-7]}))
    ((__spotter_info & 02000000)) || builtin continue
    case $((__spotter_info & 3)) in
      0) builtin eval "exec 50<&$__spotter_fd" ;;
      1) __spotter_pipes+=("$__spotter_fd") ;;
    esac
  done
  # They were saved in this order; a redirection inside the command may have saved the first of them once more.
  builtin eval "exec 51>&${__spotter_pipes[0]}"
  for __spotter_fd in "${__spotter_pipes[@]}"; do
    [[ /dev/fd/$__spotter_fd -ef /dev/fd/51 ]] || { builtin eval "exec 52>&$__spotter_fd"; builtin break; }
  done
}

builtin readonly -f __spotter_end __spotter_take_nonce __spotter_report __spotter_export __spotter_keep_exit_trap \
  __spotter_next __spotter_leave __spotter_check __spotter_refuse __spotter_begin __spotter_exit __spotter_find_handles
builtin trap '__spotter_exit "$?"' EXIT
#--- loop
# On one line, so that bash counts the lines of a command from 1. The end of a command is in the condition, so that a
# stray `continue` or `break` in it does no harm.
builtin unset -v __spotter_boot; while :; do while __spotter_end "$?"; __spotter_next; do { builtin eval "$__spotter_code"; } </dev/null >&51 2>&1 50<&- 51>&- 52>&-; done; done
