# Keeps the tree of $commit, with what lies untracked beside it, in a git directory of its own: $shadow.
cd -P "$root" || fail unusable "\`$root\` is not a directory"
rm -rf "$shadow"
mkdir -p "$shadow/objects/info" "$shadow/objects/pack" "$shadow/refs/heads" "$shadow/info" ||
    fail broken "cannot write to \`$shadow\`"
printf 'ref: refs/heads/main\n' > "$shadow/HEAD"
if [ "$(git rev-parse --show-object-format 2> /dev/null)" = sha256 ]; then
    printf '[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n' > "$shadow/config"
else
    printf '[core]\n\trepositoryformatversion = 0\n' > "$shadow/config"
fi
printf '[core]\n\t%s\n' 'bare = false' 'filemode = true' 'symlinks = true' 'ignorecase = false' 'autocrlf = false' \
    'safecrlf = false' 'untrackedCache = false' 'protectNTFS = false' 'protectHFS = false' 'compression = 1' \
    'quotepath = true' >> "$shadow/config"
exclude=$(git rev-parse --git-path info/exclude)
[ ! -f "$exclude" ] || cp "$exclude" "$shadow/info/exclude"
# What running Python leaves behind is nobody's work, also where no .gitignore says so.
printf '\n%s\n%s\n%s\n' '__pycache__/' '*.py[co]' '.pytest_cache/' >> "$shadow/info/exclude"

# Copies, not links: what the agent does to its own object store must not reach this one. A store that holds nothing
# but this commit is copied as it is, which is faster than packing loose objects.
if [ "$whole" = 1 ]; then
    cp -R "$(git rev-parse --git-path objects)/." "$shadow/objects/" || fail broken "cannot write to \`$shadow\`"
else
    {
        git rev-parse "$commit^{tree}"
        git ls-tree -r -t "$commit" | awk '$2 != "commit" { print $3 }' | sort -u
    } | git pack-objects -q --window=0 --compression=1 "$shadow/objects/pack/pack" > /dev/null ||
        fail unusable "objects of commit \`$commit\` are missing"
fi

# With its time, by which git tells which entries it must read again.
index=$(git rev-parse --git-path index)
[ -n "$(ls "$(dirname "$index")"/sharedindex.* 2> /dev/null)" ] || cp -p "$index" "$home/index"
base_tree=$(git rev-parse "$commit^{tree}")
use_shadow
[ -f "$home/index" ] || git read-tree "$base_tree"
snapshot || fail broken "cannot read the working tree: $(tail -n 3 "$home/log")"
tree=$(git write-tree) || fail broken 'cannot write the tree of the baseline'
mv "$home/index" "$shadow/index" || fail broken "cannot write to \`$shadow\`"
say "tree $tree"
