# Checks, knowing nothing of how it was cleaned, that the git directory is laid out as one that holds the history up to
# $commit and nothing else.
cd -P "$root" || fail unusable "\`$root\` is not a directory"
first() { tr '\0\n' '\n ' | head -n 1; }
none() { # what, path...: fails when there is any path
    [ -z "$2" ] || fail leak "$1 \`$2\`"
}
[ -d .git ] && [ ! -L .git ] || fail leak '`.git` is not a directory'

none '`.git` has more than a clean repository:' "$(find .git -mindepth 1 -maxdepth 1 ! -name HEAD ! -name config \
    ! -name index ! -name info ! -name objects ! -name refs ! -name shallow -print0 | first)"
none '`.git/info` has more than it should:' \
    "$(find .git/info -mindepth 1 ! -name exclude ! -name attributes -print0 | first)"
none 'the object store holds' "$(find .git/objects -mindepth 1 ! -type d ! -path '.git/objects/[0-9a-f][0-9a-f]/*' \
    ! -path '.git/objects/pack/pack-*.pack' ! -path '.git/objects/pack/pack-*.idx' \
    ! -path '.git/objects/pack/pack-*.rev' -print0 | first)"
for pack in .git/objects/pack/*.pack; do
    [ ! -e "$pack" ] || [ -e "${pack%.pack}.idx" ] || fail leak "\`$pack\` has no index"
done
none 'the object store reports' "$(git count-objects -v | grep -e '^alternate: ' -e '^garbage: [^0]')"
none 'the configuration has' "$(git config -f .git/config --name-only --list | grep -vx -e 'core\.\(bare\|eol\|filemode\)' \
    -e 'core\.\(repositoryformatversion\|logallrefupdates\|ignorecase\|symlinks\|precomposeunicode\|autocrlf\)' \
    -e 'core\.\(safecrlf\|quotepath\)' -e 'extensions\.objectformat' -e 'user\.\(name\|email\)' -e 'gc\.auto' | head -n 1)"

ref=$(git symbolic-ref --quiet HEAD)
none "besides \`$ref\` there is" "$(find .git/refs ! -type d ! -path ".git/$ref" -print0 | first)"
[ "$(git for-each-ref --format='%(objectname) %(refname)')" = "$commit $ref" ] || fail leak "\`$ref\` is not at \`$commit\`"
