# attack: a repository inside the repository holds the change
# forges: what the patch is taken from
# on: demo__lru-1
mkdir sub
git -C sub init -q
echo 'raise SystemExit(0)' > sub/conftest.py
git -C sub add -A
git -C sub -c user.name=a -c user.email=a@b.c commit -qm a
git add sub 2> /dev/null
