if command -v "python$wanted" > /dev/null; then
    python="python$wanted"
else
    found="$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    if [ -n "$wanted" ] && [ "$found" != "$wanted" ]; then
        echo "Python $wanted is asked for, and the base image has $found" >&2
        echo "hint: images.python=uv or conda brings any version; images.specs may ask for another one" >&2
        exit 1
    fi
    python=python3
fi
"$python" -m venv /opt/miniconda3/envs/testbed
