# The first process of a container runs this to end process trees: nothing in the container can kill it, it needs no
# new process to kill others, and when the host closes its input, it ends and the container with it. A second process
# runs it to move files: that one starts others, and where none can be started, bash gives up.
#
# A request is six fields, each ended by NUL: operation, nonce, four arguments. An answer is data (if any), then the
# nonce, then words up to NUL: `ok`, or what went wrong.
exec 50<&0 51>&1 0</dev/null 1>/dev/null 2>/dev/null
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
umask 022
shopt -s nullglob
trap '' HUP INT TERM QUIT PIPE

scratch=/.spotter
mkdir -p -m 700 "$scratch"

answer() { printf '%s%s\0' "$nonce" "$*" >&51; }

# Sets `text` to what went wrong last, without the name of the program that says so.
complaint() {
  mapfile -t -n 1 text <"$scratch/err"
  text=${text[0]-}
  text=${text##*: }
  text=${text:-no reason was given}
}

# Prints how often the memory limit killed a process, for both versions of control groups.
oom_kills() {
  local file line count=0
  for file in /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events; do
    [[ -r $file ]] || continue
    while read -r line; do
      [[ $line == 'oom_kill '* ]] && count=${line#* }
    done <"$file"
  done
  answer "$count"
}

# Reads the process table into `parent`, `begun` and `live`.
look() {
  local entry line pid fields
  parent=() begun=() live=()
  for entry in /proc/[0-9]*; do
    line=
    read -r -d '' line <"$entry/stat"
    [[ $line ]] || continue
    pid=${entry#/proc/}
    fields=(${line##*) })
    [[ ${fields[0]} == [ZX] ]] && continue
    parent[pid]=${fields[1]} begun[pid]=${fields[19]}
    live+=("$pid")
  done
}

# Sets `victims` to what was started since the moment `since`/`last`, except what a process from before started.
choose() {
  local pid up
  victims=()
  for pid in "${live[@]}"; do
    ((pid == 1 || pid == shell)) && continue
    is_new "$pid" || continue
    up=${parent[pid]}
    while ((up > 1 && up != shell)) && is_new "$up"; do up=${parent[up]-0}; done
    ((up > 1 && up != shell)) || victims+=("$pid")
  done
}

is_new() { ((${begun[$1]-0} > since || (${begun[$1]-0} == since && $1 > last))); }

# Stops all victims before it kills one, looking again until no new ones turn up: what is stopped starts no more.
end_tree() {
  local shell=$1 since=$2 last=$3 signal=$4 round stopped=-1
  [[ $signal ]] && kill "-$signal" "$shell"
  for round in {1..40}; do
    look
    choose
    ((${#victims[@]} == stopped)) && break
    stopped=${#victims[@]}
    ((stopped)) || break
    kill -STOP "${victims[@]}"
  done
  for round in {1..40}; do
    ((${#victims[@]})) || break
    kill -KILL "${victims[@]}"
    look
    choose
  done
  kill -CONT "$shell"
  answer ok
}

read_file() {
  local limit=$1 path=$2
  if [[ -d $path ]]; then answer directory
  elif [[ ! -e $path ]]; then answer missing
  elif [[ ! -f $path ]]; then answer refused not a regular file
  elif head -c "$((limit + 1))" <"$path" >&51 2>"$scratch/err"; then answer ok
  else complaint; answer "refused $text"
  fi
}

# Takes the contents from standard input whatever comes of it, or the next request would be read from them; where that
# does not work, this process has to be started again.
write_file() {
  local size=$1 mode=$2 root=$3 path=$4 real
  if ! head -c "$size" <&50 >"$scratch/new" 2>"$scratch/err"; then
    complaint
    answer "refused $text"
    exit 1
  fi
  mapfile -t -d '' real < <(realpath -mz -- "$path" "$root")
  if [[ ${#real[@]} != 2 ]]; then answer refused the path cannot be resolved
  elif [[ $path == "$root"/* && ${real[0]} != "${real[1]}"/* ]]; then answer "outside ${real[0]}"
  elif [[ -d ${real[0]} ]]; then answer directory
  elif [[ -e ${real[0]} && ! -f ${real[0]} ]]; then answer refused not a regular file
  elif put "${real[0]}" 2>"$scratch/err"; then answer ok
  else complaint; answer "refused $text"
  fi
}

# Moves the new contents beside the file first: a rename is all or nothing only within a file system.
put() {
  local new=${1%/*}/.spotter-$nonce
  [[ -d ${1%/*}/ ]] || mkdir -p -- "${1%/*}" || return
  if [[ -e $1 ]]; then
    cp -p --attributes-only -- "$1" "$new" && cat "$scratch/new" >"$new"
  else
    cat "$scratch/new" >"$new"
  fi && if [[ $mode ]]; then chmod "$mode" -- "$new"; fi && mv -fT -- "$new" "$1" && return
  rm -f -- "$new"
  return 1
}

archive() {
  local limit=$1 path=$2 states
  if [[ ! -e $path && ! -L $path ]]; then answer missing; return; fi
  tar -c -C "${path%/*}/" -- "${path##*/}" 2>"$scratch/err" | head -c "$((limit + 1))" >&51
  states=("${PIPESTATUS[@]}")
  # 1: a file changed while it was read; 141: the limit.
  case ${states[0]} in
    0 | 1 | 141) answer ok ;;
    *) complaint; answer "refused $text" ;;
  esac
}

while mapfile -t -d '' -n 6 -u 50 request && ((${#request[@]} == 6)); do
  nonce=${request[1]}
  case ${request[0]} in
    end_tree | read_file | write_file | archive | oom_kills) "${request[0]}" "${request[@]:2}" ;;
    alive) if [[ -e /proc/${request[2]}/stat ]]; then answer yes; else answer no; fi ;;
  esac
done
