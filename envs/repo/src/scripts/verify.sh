# Checks, after layout.sh, that every object is in the history of $commit, and that no other repository lies about.
git cat-file --batch-all-objects --batch-check='%(objectname)' --unordered | sort -u > "$home/all" ||
    fail leak 'the object store cannot be read'
git rev-list --objects "$commit" > "$home/list" 2> "$home/log" ||
    fail unusable "the history of \`$commit\` is broken: $(tail -n 1 "$home/log")"
{ cut -d' ' -f1 "$home/list" && git hash-object -t tree /dev/null; } | sort -u > "$home/reachable"
comm -23 "$home/all" "$home/reachable" > "$home/extra"
[ ! -s "$home/extra" ] || fail leak "$(wc -l < "$home/extra" | tr -d ' ') objects are not in the history of \`$commit\`, \
such as \`$(head -n 1 "$home/extra")\`"
none "the index is not that of \`$commit\` at" "$(git diff-index --cached --name-only -z "$commit" | first)"

none 'there is another repository at' "$(nested_git | first)"
none 'there is a bundle or a pack at' "$(stray_packs | first)"
say 'clean yes'
