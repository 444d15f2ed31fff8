# Brings an index of the baseline's git directory, $shadow, to the state of the working tree. Runs at the root.
use_shadow() {
    # A state that was kept holds it as one file, until it is needed. What goes wrong is seen when it is used.
    if [ -f "$shadow.tar" ]; then
        rm -rf "$shadow" && tar -xf "$shadow.tar" -C "${shadow%/*}" --no-same-owner && rm -f "$shadow.tar"
    fi
    export GIT_DIR=$shadow GIT_WORK_TREE=$PWD GIT_INDEX_FILE=$home/index
}

# Prints the files below the folder $1, which git would take as one entry because it is a repository of its own.
adopt() {
    find "./${1%/}" -name .git -prune -o \( -type f -o -type l \) -print0 |
        git check-ignore -z --verbose --non-matching --no-index --stdin |
        while IFS= read -r -d '' _ && IFS= read -r -d '' _ && IFS= read -r -d '' pattern && IFS= read -r -d '' path; do
            # An empty pattern did not match, and one with `!` takes back what another ignored.
            case $pattern in '' | '!'*) printf '%s\0' "$path" ;; esac
        done
}

# Takes out of the index what stands for another repository, so that its files count as files.
drop_links() {
    [ -n "$(git ls-files --stage | grep '^160000 ')" ] || return 0
    git ls-files -z --stage | while IFS= read -r -d '' entry; do
        case $entry in 160000*) printf '%s\0' "${entry#*$'\t'}" ;; esac
    done | git update-index --force-remove -z --stdin
}

# Prints the untracked files that are not ignored. A git directory that was moved aside is not work.
untracked() {
    git ls-files -z --others --exclude-standard > "$home/others" || return 1
    local LC_ALL=C next=0 aside=() path folder
    mapfile -t -d '' aside < <(grep -za -e '/HEAD$' "$home/others" | while IFS= read -r -d '' path; do
        folder=${path%HEAD}
        [ -d "./${folder}objects" ] && [ -d "./${folder}refs" ] && printf '%s\0' "$folder"
    done | sort -z)
    if [ ${#aside[@]} = 0 ] && ! grep -qza '/$' "$home/others"; then
        cat "$home/others"
        return
    fi
    # Both are sorted by bytes, a folder before those in it, so one look at each is enough.
    while IFS= read -r -d '' path; do
        while [ "$next" -lt ${#aside[@]} ] && [[ $path > ${aside[next]} && $path != "${aside[next]}"* ]]; do
            next=$((next + 1))
        done
        if [ "$next" -lt ${#aside[@]} ] && [[ $path = "${aside[next]}"* ]]; then continue; fi
        case $path in */) adopt "$path" ;; *) printf '%s\0' "$path" ;; esac
    done < "$home/others"
    return 0
}

# Notes why something is left out of the patch, for left_out.rs: a kind, a number of bytes or files, and a path.
leave_out() { printf '%s\0%s\0%s\0' "$1" "$2" "$3" >> "$home/left_out"; }

# Prints the files of the list $1 that are work: not a virtual environment, a core dump, or more than $largest bytes,
# which are noted. Only capture sets $largest; the baseline takes what the image brought.
work() {
    if [ -z "${largest-}" ]; then
        cat "$1"
        return
    fi
    : > "$home/left_out"
    local path folder venvs=() size
    while IFS= read -r -d '' path; do
        folder=${path%pyvenv.cfg}
        [ "$folder" ] && [ -d "./${folder}bin" ] && venvs+=("$folder") && leave_out virtual_environment 0 "$folder"
    done < <(grep -za -e '/pyvenv.cfg$' "$1")
    # Most files are small: one `find` for all of them says which are not.
    (while IFS= read -r -d '' path; do printf './%s\0' "$path"; done < "$1") |
        xargs -0 -r sh -c 'find "$@" -maxdepth 0 -type f -size "+$0c" -print0' "$largest" > "$home/large"
    while IFS= read -r -d '' path; do
        for folder in ${venvs[@]+"${venvs[@]}"}; do
            case $path in "$folder"*) continue 2 ;; esac
        done
        case ${path##*/} in
            core | core.[0-9]* | *.core)
                if is_core "./$path"; then
                    leave_out core_dump "$(wc -c < "./$path" | tr -d ' ')" "$path"
                    continue
                fi
                ;;
        esac
        if [ -s "$home/large" ] && grep -qzaxF -e "./$path" "$home/large"; then
            leave_out too_large "$(wc -c < "./$path" | tr -d ' ')" "$path"
            continue
        fi
        printf '%s\0' "$path"
    done < "$1"
}

# Whether a file is the memory of a process that died: an ELF file of type 4.
is_core() {
    [ -f "$1" ] && [ ! -L "$1" ] || return 1
    case $(od -An -tx1 -N18 "$1" 2> /dev/null | tr -d ' \n') in
        7f454c46????????????????????????0400 | 7f454c46????????????????????????0004) return 0 ;;
    esac
    return 1
}

add_all() {
    drop_links || return 1
    git add -u --ignore-errors
    local status=$?
    drop_links && untracked > "$home/all" && work "$home/all" > "$home/paths" &&
        git update-index --add --remove --replace -z --stdin < "$home/paths" && return $status
}

snapshot() {
    # Only root may read what has no permission to be read; git keeps none of the bits that this changes.
    [ "$(id -u)" = 0 ] || find . -path ./.git -prune -o \( -type d ! -perm -700 -exec chmod u+rwx {} \; \) -o \
        \( -type f ! -perm -400 -exec chmod u+r {} \; \)
    add_all > "$home/log" 2>&1 && return
    # A tracked file that became a pipe or a device is gone as far as a patch can tell.
    git diff-files --name-only -z | while IFS= read -r -d '' path; do
        [ -f "$path" ] || [ -L "$path" ] || [ -d "$path" ] || printf '%s\0' "$path"
    done | git update-index --force-remove -z --stdin
    add_all > "$home/log" 2>&1
}
