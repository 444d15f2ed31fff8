# Writes the patch to $out. Without the baseline that outside_ready.sh keeps, the commit itself is compared with.
scratch=/var/lib/spotter
[ -e "$scratch/state" ] || scratch=/tmp/.spotter
shadow=$scratch/base.git
if [ -e "$scratch/state" ]; then
    read -r tree < "$scratch/state" || exit
else
    mkdir -p "$scratch" && shadow=$root/.git && tree=$(git -C "$root" rev-parse --verify "$base^{tree}") || exit
fi
mkdir -p "${out%/*}" && rm -rf "$out" || exit
binary=
take > /dev/null || exit
# Text that is not UTF-8 goes into a patch as binary data, so that the patch is text whatever it holds.
if command -v iconv > /dev/null && ! iconv -f UTF-8 -t UTF-8 "$scratch/patch.diff" > /dev/null 2>&1; then
    binary=$'* -diff\n'
    take > /dev/null || exit
fi
cp "$scratch/patch.diff" "$out"
