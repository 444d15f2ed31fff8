# Puts the git directory in the archive $tar at $shadow.
rm -rf "$shadow"
mkdir -p "$(dirname "$shadow")" && tar -xf "$tar" -C "$(dirname "$shadow")" --no-same-owner ||
    fail patch "the baseline \`$shadow\` cannot be put back"
rm -f "$tar"
git --git-dir="$shadow" cat-file -e "$tree^{tree}" || fail patch "the baseline \`$shadow\` is damaged"
# The times of the files are another sandbox's.
rm -f "$shadow/index"
