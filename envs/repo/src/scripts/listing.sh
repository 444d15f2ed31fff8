# Prints a number that stands for the names and sizes of the files of both git directories, and for what stands in all but
# their objects and indexes.
listing() {
    for folder in "$root/.git" "$shadow"; do
        (cd -P "$folder" && find . -type f -exec wc -c {} + &&
            find . -type f ! -path './objects/*' ! -name index -exec cat {} +)
    done | grep -v ' total$' | sort | cksum | tr ' ' -
}
