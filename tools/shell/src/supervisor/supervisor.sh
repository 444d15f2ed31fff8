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
# It may be removed by a command.
restore_scratch() {
  [[ -d $scratch && ! -L $scratch ]] && return
  rm -rf -- "$scratch"
  mkdir -m 700 -- "$scratch"
}
(($$ > 1)) || restore_scratch

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

# Whether a process runs; one that is dead but not yet reaped does not. Says too whether no more can be started.
alive() {
  local line= limit used
  [[ -e /proc/$1/stat ]] && read -r -d '' line <"/proc/$1/stat"
  line=${line##*) }
  if [[ ! $line || $line == [ZX]* ]]; then line=no; else line=yes; fi
  count_processes
  if [[ $limit == [0-9]* ]] && ((used >= limit - 1)); then line+=' full'; fi
  answer "$line"
}

# Sets `used` and `limit` to how many processes there are and may be, for both versions of control groups.
count_processes() {
  local folder
  limit= used=
  for folder in /sys/fs/cgroup/pids /sys/fs/cgroup; do
    [[ -r $folder/pids.max && -r $folder/pids.current ]] || continue
    read -r limit <"$folder/pids.max"
    read -r used <"$folder/pids.current"
    break
  done
}

# Says whether less than `need` of the processes that the container may have are left, and commands have most of them.
crowded() {
  local need=$1 limit used
  count_processes
  if [[ $limit == [0-9]* ]] && ((limit - used < need && used > limit / 2)); then answer yes; else answer no; fi
}

# Prints the process table but for the first process and this one, each line as the kernel has it with a NUL behind.
table() {
  local entry line lines=()
  for entry in /proc/[0-9]*; do
    [[ $entry == /proc/1 || $entry == "/proc/$$" ]] && continue
    line=
    read -r -d '' line <"$entry/stat"
    [[ $line ]] && lines+=("$line")
  done
  ((${#lines[@]})) && printf '%s\0' "${lines[@]}" >&51
  answer ok
}

# Stops everything at once: the kernel lets no process start another on the way, so that what is stopped starts no more,
# however fast it was. The host chooses from the table what `end` kills.
stop() {
  kill -STOP -1
  table
}

# Kills processes, and prints the table of what is left.
end() {
  # The ids are words.
  kill -KILL $1
  table
}

# Lets what stays go on.
resume() {
  kill -CONT -1
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
  local size=$1 mode=$2 root=$3 path=$4 real_root=$3 folder name
  cd -P -- "$root" && real_root=$PWD
  if ! resolve "$path" || refuse; then
    head -c "$size" <&50 >/dev/null || exit 1
    answer "$status"
  elif put 2>"$scratch/err"; then
    answer ok
  else
    complaint
    # How much was read is not known.
    answer "refused $text"
    exit 1
  fi
  cd /
}

# Sets `folder` and `name` to where a path really leads, and goes there. Without a program where that is possible.
resolve() {
  local real
  status='refused the path cannot be resolved'
  folder=${1%/*}/ name=${1##*/}
  if [[ -L $1 || ! -d $folder || $name == . || $name == .. ]]; then
    mapfile -t -d '' real < <(realpath -mz -- "$1")
    [[ ${real[0]-} ]] || return
    folder=${real[0]%/*}/ name=${real[0]##*/}
    if [[ -L ${real[0]} ]]; then
      status='refused too many levels of symbolic links'
      return 1
    fi
    is_inside "$folder" || return 0
    [[ -d $folder ]] || mkdir -p -- "$folder" 2>"$scratch/err" || { complaint; status="refused $text"; return 1; }
  fi
  cd -P -- "$folder" && folder=${PWD%/}/
}

# Whether a folder is where this path may lead: anywhere, unless the path begins in the repository.
is_inside() {
  [[ $path != "$root"/* || $1 == "$real_root"/* ]]
}

# Whether the place where we are now must not be written to; the status says why.
refuse() {
  if ! is_inside "$folder"; then status="outside $folder$name"
  elif [[ ! $name || -d ./$name ]]; then status=directory
  elif [[ -e ./$name && ! -f ./$name ]]; then status='refused not a regular file'
  else return 1
  fi
}

# Writes beside the file and moves the new one over it, so that it is there whole or not at all.
put() {
  local new=./.spotter-$nonce old=./$name
  if [[ -e $old ]]; then
    cp -p --attributes-only -- "$old" "$new"
  else
    : >"$new"
  fi && head -c "$size" <&50 >"$new" && if [[ $mode ]]; then chmod "$mode" -- "$new"; fi && mv -fT -- "$new" "$old" && return
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
    read_file | write_file | archive) restore_scratch; "${request[0]}" "${request[@]:2}" ;;
    stop | end | resume | crowded | oom_kills | alive) "${request[0]}" "${request[@]:2}" ;;
    hello) answer "$$" ;;
  esac
done
