# Puts the tree at $base and, unless $keep is 1, leaves nothing in `.git` but the history up to it.
# What lies outside the repository (shared object stores) is removed only where $isolated is 1.
cd -P "$root" 2> /dev/null || fail unusable "\`$root\` is not a directory"
[ -e .git ] || [ -L .git ] || fail unusable "\`$root\` is not a git repository"
gitdir=$(git rev-parse --absolute-git-dir 2> /dev/null) || fail unusable "\`$root/.git\` is not a git directory"
common=$(cd "$gitdir" && cd -P "$(git rev-parse --git-common-dir)" && pwd -P) ||
    fail unusable "\`$gitdir\` has lost its main repository"
head=$(git rev-parse --verify --quiet HEAD || echo 'not there')
commit=$(git rev-parse --verify --quiet "$base^{commit}" 2> /dev/null) ||
    fail unusable "commit \`$base\` is not in the repository \`$root\`, whose HEAD is \`$head\`"
branch=$(git symbolic-ref --quiet --short HEAD)
format=$(git rev-parse --show-object-format 2> /dev/null)
inside() { case $1/ in "$(pwd -P)/.git/"*) true ;; *) false ;; esac; }

# A `.git` that is a link becomes a directory that borrows from where it led, so that nothing there is written to.
outside=()
inside "$common" || outside+=("$common")
if [ ! -d .git ] || [ -L .git ]; then
    own=$root/.git-spotter-own
    rm -rf "$own"
    mkdir -p "$own/objects/info" "$own/refs/heads" "$own/info" || fail broken "cannot write to \`$root\`"
    printf '%s\n' "$common/objects" > "$own/objects/info/alternates"
    cp -p "$common/config" "$own/config"
    git config -f "$own/config" --unset core.worktree
    cp -p "$gitdir/index" "$own/index"
    for file in shallow info/exclude info/attributes; do [ ! -f "$common/$file" ] || cp "$common/$file" "$own/$file"; done
    git for-each-ref --format='%(objectname) %(refname)' > "$own/packed-refs"
    printf '%s\n' "$commit" > "$own/HEAD"
    rm -f .git && mv "$own" .git || fail broken "cannot replace \`$root/.git\`"
    gitdir=$(pwd -P)/.git
    common=$gitdir
fi
[ -z "$(ls .git/sharedindex.* 2> /dev/null)" ] || git update-index --no-split-index
rm -f .git/index.lock
# An image's files have other inodes and times of change than those that the index knows. Unless their contents are
# compared first, the reset writes all of them again.
git update-index -q --refresh > /dev/null
git reset -q --hard "$commit" || { rm -f .git/index && git reset -q --hard "$commit"; } ||
    fail unusable "the tree of commit \`$commit\` cannot be checked out"
say "commit $commit"
[ "$keep" = 0 ] || exit 0

while IFS= read -r store; do
    [ -z "$store" ] || inside "$store" || outside+=("$store")
done < <(git count-objects -v | sed -n 's/^alternate: //p')

# One commit and nothing else: the object store may stay as it is.
store=$(git count-objects -v | grep -e '^alternate: ' -e '^garbage: [^0]')
keep_objects=0
if [ -z "$store" ] && [ ! -e .git/shallow ] && ! git rev-parse --verify --quiet "$commit^" > /dev/null &&
    [ -z "$(find .git/objects -type f ! -path '*/objects/??/*' ! -name 'pack-*.pack' ! -name 'pack-*.idx' \
        ! -name 'pack-*.rev')" ] &&
    cmp -s <(git cat-file --batch-all-objects --batch-check='%(objectname)' --unordered | sort -u) \
        <(git rev-list --objects "$commit" | cut -d' ' -f1 | sort -u); then
    keep_objects=1
fi

# Built inside `.git`: on an overlay file system a folder that comes with the image cannot be renamed.
new=.git/spotter-new
rm -rf "$new"
mkdir -p "$new/objects/info" "$new/objects/pack" "$new/refs/heads" "$new/refs/tags" "$new/info" ||
    fail broken "cannot write to \`$root/.git\`"
if [ "$format" = sha256 ]; then
    printf '[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n' > "$new/config"
else
    printf '[core]\n\trepositoryformatversion = 0\n' > "$new/config"
fi
printf '[core]\n\tbare = false\n\tlogallrefupdates = true\n[gc]\n\tauto = 0\n' >> "$new/config"
printf '[user]\n\tname = spotter\n\temail = spotter@localhost\n' >> "$new/config"
for key in filemode ignorecase symlinks precomposeunicode autocrlf eol safecrlf quotepath; do
    value=$(git config --local "core.$key") && git config -f "$new/config" "core.$key" "$value"
done
case $branch in main | master | develop | trunk) ;; *) branch=main ;; esac
printf 'ref: refs/heads/%s\n' "$branch" > "$new/HEAD"
printf '%s\n' "$commit" > "$new/refs/heads/$branch"
for file in exclude attributes; do [ ! -f ".git/info/$file" ] || cp ".git/info/$file" "$new/info/$file"; done

if [ $keep_objects = 0 ]; then
    pack() { git -c pack.packSizeLimit=0 pack-objects -q --delta-base-offset --window=0 "$@" "$new/objects/pack/pack"; }
    if printf '%s\n' "$commit" | pack --revs > /dev/null 2> "$home/log"; then
        if [ -s .git/shallow ]; then
            grep -Fxf <(git rev-list "$commit") .git/shallow > "$new/shallow" || rm -f "$new/shallow"
        fi
    else
        # History with holes, as in a partial clone: the base commit is kept alone.
        rm -rf "$new/objects/pack"
        mkdir "$new/objects/pack"
        {
            printf '%s\n' "$commit"
            git rev-parse "$commit^{tree}"
            git ls-tree -r -t "$commit" | awk '$2 != "commit" { print $3 }' | sort -u
        } | pack > /dev/null 2>> "$home/log" ||
            fail unusable "objects of commit \`$commit\` are missing: $(tail -n 1 "$home/log")"
        printf '%s\n' "$commit" > "$new/shallow"
    fi
fi
# The index knows the times of the files; a new one would have to read them all.
cp -p .git/index "$new/index" || fail broken 'cannot copy the index'

# Other worktrees of this repository: checked out from who knows which commit.
for file in .git/worktrees/*/gitdir; do
    [ -f "$file" ] || continue
    tree=$(dirname "$(cat "$file")")
    case $tree/ in
        "$(pwd -P)/") ;;
        "$(pwd -P)/"*) rm -rf "$tree" ;;
        /*/*) [ "$isolated" = 0 ] || rm -rf "$tree" ;;
    esac
done
# Submodules and nested repositories have histories of their own, of which none is needed.
nested_git > "$home/nested"
while IFS= read -r -d '' path; do
    target=$(git --git-dir="$path" rev-parse --absolute-git-dir 2> /dev/null || true)
    if [ -f "$path" ] && [ "$isolated" = 1 ] && [ -n "$target" ] && ! inside "$target"; then rm -rf "$target"; fi
    rm -rf "$path"
done < "$home/nested"
stray_packs > "$home/stray"
xargs -0 -r rm -f -- < "$home/stray"

# The exchange: everything of the old directory goes, then the new one moves in.
if [ $keep_objects = 1 ]; then
    rm -rf "$new/objects"
    find .git -mindepth 1 -maxdepth 1 ! -name spotter-new ! -name objects -exec rm -rf {} +
else
    find .git -mindepth 1 -maxdepth 1 ! -name spotter-new -exec rm -rf {} +
fi
mv "$new"/* .git/ && rmdir "$new" || fail broken 'cannot move the new git directory into place'
if [ "$isolated" = 1 ]; then
    for path in ${outside[@]+"${outside[@]}"}; do
        # A store that belongs to a git directory goes with it.
        if [ -f "$path/../HEAD" ]; then path=$path/..; fi
        path=$(cd -P "$path" 2> /dev/null && pwd -P) || continue
        case $(pwd -P)/ in
            "$path"/*) rm -rf "$path/objects" "$path/refs" "$path/packed-refs" "$path/logs" "$path/modules" ;;
            *) rm -rf "$path" ;;
        esac
    done
fi
# In one pack they take two files and no folder each; what has been packed stays as it is.
[ $keep_objects = 0 ] || git repack -d -q -n > /dev/null 2>> "$home/log" || fail broken "cannot pack the objects: $(tail -n 1 "$home/log")"
git update-index -q --refresh > /dev/null
say "objects $([ $keep_objects = 1 ] && echo kept || echo rebuilt)"
