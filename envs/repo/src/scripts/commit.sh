export GIT_AUTHOR_NAME=Spotter GIT_AUTHOR_EMAIL=spotter@localhost GIT_AUTHOR_DATE=2024-01-01T00:00:00Z
export GIT_COMMITTER_NAME=Spotter GIT_COMMITTER_EMAIL=spotter@localhost GIT_COMMITTER_DATE=2024-01-01T00:00:00Z
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
git -c init.defaultBranch=main init -q . && git -c core.autocrlf=false add -A && git -c commit.gpgsign=false commit --allow-empty -qm Base.
