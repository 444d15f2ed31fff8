# Writes what the working tree has changed against $tree to $scratch/patch.diff, $limit bytes and one at most.
# $binary: attribute lines for the files whose text is not valid UTF-8; with any of them the index of the last run is
# taken as it is.
[ -d "$root" ] || mkdir -p "$root" || fail patch "\`$root\` is gone"
cd -P "$root" || fail patch "\`$root\` is gone"
use_shadow
# A git that the agent put in the place of the real one does not know the tree by its name.
[ "$(git rev-parse --verify -q "$tree^{tree}" 2> /dev/null)" = "$tree" ] || fail patch "the baseline \`$shadow\` is damaged"
rm -f "$shadow"/*.lock "$shadow/info/grafts"
mkdir -p "$shadow/info"
# What is binary is decided by content, not by what the agent or the repository says of it.
printf '* !diff\n%s' "$binary" > "$shadow/info/attributes" || fail broken "cannot write to \`$shadow\`"
if [ -n "$binary" ]; then
    mv "$scratch/patch.index" "$home/index" || fail broken 'the index of the last run is gone'
else
    cp -p "$shadow/index" "$home/index" 2> /dev/null && git ls-files > /dev/null 2>&1 ||
        { rm -f "$home/index"; git read-tree "$tree" 2> /dev/null; } || fail patch "the baseline \`$shadow\` is damaged"
    snapshot || fail patch "the working tree cannot be read: $(tail -n 3 "$home/log")"
fi
git -c core.quotePath=true diff --cached --binary --full-index --find-renames --no-color --no-ext-diff --no-textconv \
    --src-prefix=a/ --dst-prefix=b/ "$tree" 2> "$home/log" | head -c "$((limit + 1))" > "$scratch/patch.diff"
# What is cut off at the limit ends with the signal for a closed pipe.
case ${PIPESTATUS[0]} in
    0 | 141) ;;
    *) fail patch "the baseline \`$shadow\` is damaged: $(tail -n 1 "$home/log")" ;;
esac
mv "$home/index" "$scratch/patch.index"
say "size $(wc -c < "$scratch/patch.diff" | tr -d ' ')"
