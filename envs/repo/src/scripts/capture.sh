# Writes what the working tree has changed against $tree to $scratch/patch.diff, $limit bytes and one at most.
# A file that is too large for that is left out and noted in $scratch/left_out, and so is what is nobody's work.
# $binary: attribute lines for the files whose text is not valid UTF-8; with any of them the index of the last run is
# taken as it is.
[ -d "$root" ] || mkdir -p "$root" || fail patch "\`$root\` is gone"
cd -P "$root" || fail patch "\`$root\` is gone"
use_shadow
# A git that the agent put in the place of the real one does not know the tree by its name.
[ "$(git rev-parse --verify -q "$tree^{tree}" 2> /dev/null)" = "$tree" ] || fail patch "the baseline \`$shadow\` is damaged"
for file in "$shadow"/*.lock "$shadow/info/grafts"; do [ ! -e "$file" ] || rm -f "$file"; done
[ -d "$shadow/info" ] || mkdir -p "$shadow/info"
# What is binary is decided by content, not by what the agent or the repository says of it.
printf '* !diff\n%s' "$binary" > "$shadow/info/attributes" || fail broken "cannot write to \`$shadow\`"

# Byte code of Python is never in a patch; only what this sandbox made is spoken of.
say_bytecode() {
    mapfile -t -d '' made < <(find . -path ./.git -prune -o -name '*.py[co]' -newer "$shadow/HEAD" -print0 2> /dev/null)
    [ ${#made[@]} = 0 ] || leave_out bytecode ${#made[@]} ''
}

# Where nothing has changed, two looks tell. They are not believed when git has anything to say besides.
is_unchanged() {
    git --no-optional-locks diff --quiet --ignore-submodules=none --no-ext-diff "$tree" > "$home/log" 2>&1 &&
        git ls-files --others --exclude-standard > "$home/others" 2>> "$home/log" &&
        [ ! -s "$home/log" ] && [ ! -s "$home/others" ]
}
if [ -z "$binary" ] && GIT_INDEX_FILE=$shadow/index is_unchanged; then
    say_bytecode
    { [ ! -s "$home/left_out" ] || cat "$home/left_out"; } > "$scratch/left_out" && : > "$scratch/patch.diff" ||
        fail broken "cannot write to \`$scratch\`"
    say 'size 0'
    exit 0
fi
if [ -n "$binary" ]; then
    mv "$scratch/patch.index" "$home/index" || fail broken 'the index of the last run is gone'
else
    cp -p "$shadow/index" "$home/index" 2> /dev/null && git ls-files > /dev/null 2>&1 ||
        { rm -f "$home/index"; git read-tree "$tree" 2> /dev/null; } || fail patch "the baseline \`$shadow\` is damaged"
    largest=$limit
    snapshot || fail patch "the working tree cannot be read: $(tail -n 3 "$home/log")"
fi

# Writes the diff; what is cut off at the limit ends with the signal for a closed pipe.
write_diff() {
    git -c core.quotePath=true diff --cached --binary --full-index --find-renames --no-color --no-ext-diff \
        --no-textconv --src-prefix=a/ --dst-prefix=b/ "$tree" 2> "$home/log" |
        head -c "$((limit + 1))" > "$scratch/patch.diff"
    case ${PIPESTATUS[0]} in
        0 | 141) ;;
        *) fail patch "the baseline \`$shadow\` is damaged: $(tail -n 1 "$home/log")" ;;
    esac
    size=$(wc -c < "$scratch/patch.diff" | tr -d ' ')
}

# Takes the changes of files of more than $1 bytes out of the index.
take_back() {
    local path bytes
    : > "$home/back"
    git diff --cached --name-only --no-renames -z "$tree" > "$home/changed"
    while IFS= read -r -d '' path; do
        [ -f "./$path" ] && [ ! -L "./$path" ] || continue
        bytes=$(wc -c < "./$path" | tr -d ' ')
        [ "$bytes" -gt "$1" ] || continue
        printf '%s\0' "$path" >> "$home/back"
        leave_out too_large "$bytes" "$path"
    done < "$home/changed"
    [ -s "$home/back" ] || return 0
    git update-index --force-remove -z --stdin < "$home/back" &&
        xargs -0 git --literal-pathspecs ls-tree -r -z --full-tree "$tree" -- < "$home/back" |
        git update-index -z --index-info
}

write_diff
# Together they may be too large as well: the largest go first.
share=$limit
while [ "$size" -gt "$limit" ] && [ "$share" -gt 1024 ]; do
    share=$((share / 4))
    take_back "$share" || fail patch 'the changes of large files cannot be taken back'
    write_diff
done
mv "$home/index" "$scratch/patch.index"
if [ -z "$binary" ]; then
    say_bytecode
    cp "$home/left_out" "$scratch/left_out" 2> /dev/null || : > "$scratch/left_out"
else
    cat "$home/left_out" >> "$scratch/left_out" 2> /dev/null
fi
say "size $size"
