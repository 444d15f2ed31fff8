# What may hold commits besides `.git`. Both print paths that end in NUL; both run at the root.

# Prints every `.git` below the repository's own.
nested_git() {
    find . -path ./.git -prune -o -name .git -prune -print0
}

# Prints the bundles and packs among the untracked files.
stray_packs() {
    git ls-files -z --others | xargs -0 -r grep -laZ -m1 -e '^# v[23] git bundle' -e '^PACK' -- 2> /dev/null |
        while IFS= read -r -d '' path; do
            case $(head -c 15 -- "$path" | tr -d '\0') in
                '# v2 git bundle' | '# v3 git bundle' | PACK*) printf '%s\0' "$path" ;;
            esac
        done
}
