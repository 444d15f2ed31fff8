#!/bin/bash
# Makes 40 images of four layers, which share all but the last, from the tools of this machine, and puts them into a
# registry. Prints the bytes of all layers once, the commit in the images, and the digest of each layer.
set -euo pipefail
registry=$1 work=$2
cd "$work"

mkdir -p base/{bin,usr/bin,usr/lib,etc,tmp,root,proc,dev,sys}
chmod 1777 base/tmp
echo 'root:x:0:0:root:/root:/bin/bash' > base/etc/passwd
git=/usr/bin/git
tools="bash sh env cat ls mkdir rmdir rm mv cp ln chmod chown touch head tail sort uniq wc tr cut sed grep find xargs awk tar gzip
 sha256sum sha1sum stat date sleep dd df du mktemp readlink realpath dirname basename tee cmp diff ps kill id uname true false
 test expr seq printf od base64 comm paste timeout mkfifo setsid nohup sync getconf which ${git}"
for tool in $tools; do
    path=$(type -P "$tool") || continue
    cp -L "$path" "base/usr/bin/$(basename "$tool")"
    ldd "$path" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "base$(dirname "$library")" && cp -Ln "$library" "base$library"
    done || true
done
ln -sf ../usr/bin/bash base/bin/bash
ln -sf ../usr/bin/sh base/bin/sh
cp -a /usr/lib/git-core base/usr/lib/ && rm -f base/usr/lib/git-core/{git-remote-*,git-http-*,git-imap-send,git-daemon,scalar}
mkdir -p base/usr/share && cp -a /usr/share/git-core base/usr/share/

# A file of so many megabytes, of which a third cannot be packed.
fill() {
    mkdir -p "$(dirname "$1")"
    head -c $(($2 * 333333)) /dev/urandom > "$1"
    head -c $(($2 * 666667)) /dev/zero >> "$1"
}
put() { # put REPOSITORY FILE: sends a blob unless the registry has it there
    local digest url location
    digest=sha256:$(sha256sum "$2" | cut -d' ' -f1)
    url=http://$registry/v2/$1/blobs
    location=$(curl -sf -o /dev/null -D - -X POST "$url/uploads/?mount=$digest&from=${3:-none}" | tr -d '\r')
    if ! grep -q ' 201 ' <<< "$location"; then
        location=$(sed -n 's/^[Ll]ocation: //p' <<< "$location")
        curl -sf -o /dev/null -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$2" "$location&digest=$digest"
    fi
    echo "$digest"
}
layer() { # layer NAME: packs a folder; NAME.diff is its hash, NAME.gz the download
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$1" -cf "$1.tar" .
    echo "sha256:$(sha256sum "$1.tar" | cut -d' ' -f1)" > "$1.diff"
    gzip -1n -c "$1.tar" > "$1.gz"
    rm -r "$1" "$1.tar"
    echo "layer sha256:$(sha256sum "$1.gz" | cut -d' ' -f1) $1"
}
bytes=$(du -sb --apparent-size base | cut -f1)
layer base
for repo in 0 1 2 3; do
    fill "repo-$repo/opt/repo" 12
    layer "repo-$repo"
    for version in 0 1; do
        fill "env-$repo-$version/opt/env" 8
        layer "env-$repo-$version"
    done
done
export GIT_AUTHOR_DATE=2024-01-01T00:00:00Z GIT_COMMITTER_DATE=2024-01-01T00:00:00Z
mkdir code && $git -C code init -q -b main && echo one > code/code.txt && $git -C code add -A
$git -C code -c user.name=a -c user.email=a@b commit -qm base
echo "commit $($git -C code rev-parse HEAD)"
for number in $(seq 0 39); do
    fill "own-$number/opt/own" 8
    cp -a code "own-$number/testbed"
    layer "own-$number"
done
echo "bytes $((bytes + 4 * 12000000 + 8 * 8000000 + 40 * 8000000))"

former=none
for number in $(seq 0 39); do
    repo=$((number % 4)) name=i$number
    version=$((number / 4 % 2))
    layers=(base "repo-$repo" "env-$repo-$version" "own-$number")
    diffs='' blobs=''
    for one in "${layers[@]}"; do
        digest=$(put "$name" "$one.gz" "$former")
        diffs+="${diffs:+,}\"$(cat "$one.diff")\""
        blobs+="${blobs:+,}{\"mediaType\":\"application/vnd.docker.image.rootfs.diff.tar.gzip\",\"size\":$(stat -c %s "$one.gz"),\"digest\":\"$digest\"}"
    done
    steps='{"created_by":"base"},{"created_by":"repo"},{"created_by":"env"},{"created_by":"own"}'
    echo "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Env\":[\"PATH=/usr/bin:/bin\"]},\"history\":[$steps],\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[$diffs]}}" > config
    config=$(put "$name" config)
    type=application/vnd.docker.distribution.manifest.v2+json
    echo "{\"schemaVersion\":2,\"mediaType\":\"$type\",\"config\":{\"mediaType\":\"application/vnd.docker.container.image.v1+json\",\"size\":$(stat -c %s config),\"digest\":\"$config\"},\"layers\":[$blobs]}" > manifest
    curl -sf -X PUT -H "Content-Type: $type" --data-binary @manifest "http://$registry/v2/$name/manifests/1"
    former=$name
done
