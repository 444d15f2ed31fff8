# Prints a number that stands for the names and sizes of the files of both git directories.
listing() {
    (cd -P "$root" && find .git "$shadow" -type f -exec wc -c {} +) | grep -v ' total$' | sort | cksum | tr ' ' -
}
