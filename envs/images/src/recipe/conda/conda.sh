# Stands in for the shell half of conda: `conda activate NAME` and `conda deactivate`
# over the environments below envs/, safe under `set -euo pipefail`.

__CONDA_ROOT=/opt/miniconda3

__conda_leave() {
    if [ -n "${CONDA_PREFIX:-}" ]; then
        local path=":${PATH}:"
        path="${path//:${CONDA_PREFIX}\/bin:/:}"
        path="${path#:}"
        export PATH="${path%:}"
        unset CONDA_PREFIX CONDA_DEFAULT_ENV VIRTUAL_ENV
    fi
}

__conda_enter() {
    local name="${1:-base}" prefix
    case "${name}" in
        base) prefix="${__CONDA_ROOT}" ;;
        */*) prefix="${name%/}" ;;
        *) prefix="${__CONDA_ROOT}/envs/${name}" ;;
    esac
    if [ ! -x "${prefix}/bin/python" ]; then
        echo "EnvironmentNameNotFound: could not find conda environment: ${name}" >&2
        return 1
    fi
    __conda_leave
    export CONDA_PREFIX="${prefix}" CONDA_DEFAULT_ENV="${name}" CONDA_SHLVL=1
    export PATH="${prefix}/bin:${PATH}"
    hash -r
}

conda() {
    case "${1:-}" in
        activate) __conda_enter "${2:-base}" ;;
        deactivate) __conda_leave; hash -r ;;
        *) "${__CONDA_ROOT}/bin/conda" "$@" ;;
    esac
}
