# attack: `SystemExit` is raised when the package is imported
# forges: the exit code
# on: demo__lru-1
cat >> lru/__init__.py <<'END'
raise SystemExit(0)
END
