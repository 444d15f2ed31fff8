//! Which parser reads a log.

use serde::{Deserialize, Serialize};

/// A parser of test logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parser {
    /// Lines of pytest's short summary.
    Pytest,
    /// As [`Parser::Pytest`], with paths in brackets cut to their last component.
    PytestOptions,
    /// As [`Parser::Pytest`], with colours removed, and lines that end with a status.
    PytestV2,
    /// As [`Parser::PytestV2`], with the bracket after `FAILED` removed.
    Pydantic,
    /// As [`Parser::Pytest`], with the names of mouse buttons replaced by their numbers.
    Matplotlib,
    /// Seaborn's mixture of verbose and summary lines.
    Seaborn,
    /// SymPy's own runner.
    Sympy,
    /// Django's runner, which is unittest's.
    Django,
}

impl Parser {
    /// Every parser.
    pub const ALL: [Self; 8] = [
        Self::Pytest,
        Self::PytestOptions,
        Self::PytestV2,
        Self::Pydantic,
        Self::Matplotlib,
        Self::Seaborn,
        Self::Sympy,
        Self::Django,
    ];

    /// Returns the parser for a repository `<owner>/<repo>`, in any case.
    pub fn for_repo(repo: &str) -> Option<Self> {
        let repo = repo.to_ascii_lowercase();
        match repo.as_str() {
            "django/django" => Some(Self::Django),
            "sympy/sympy" => Some(Self::Sympy),
            "matplotlib/matplotlib" => Some(Self::Matplotlib),
            "mwaskom/seaborn" => Some(Self::Seaborn),
            "pydantic/pydantic" => Some(Self::Pydantic),
            "astropy/astropy" | "scikit-learn/scikit-learn" | "sphinx-doc/sphinx" => Some(Self::PytestV2),
            "psf/requests" | "pydicom/pydicom" | "pylint-dev/pylint" => Some(Self::PytestOptions),
            "bokeh/bokeh"
            | "conan-io/conan"
            | "dask/dask"
            | "facebookresearch/hydra"
            | "getmoto/moto"
            | "hypothesisworks/hypothesis"
            | "iterative/dvc"
            | "marshmallow-code/marshmallow"
            | "mne-tools/mne-python"
            | "modin-project/modin"
            | "pallets/flask"
            | "pandas-dev/pandas"
            | "project-monai/monai"
            | "pvlib/pvlib-python"
            | "pydata/xarray"
            | "pylint-dev/astroid"
            | "pytest-dev/pytest"
            | "python/mypy"
            | "pyvista/pyvista"
            | "sqlfluff/sqlfluff" => Some(Self::Pytest),
            _ => None,
        }
    }

    /// Returns the parser that a row names in its `log_parser`, such as `parse_log_django`.
    pub fn by_name(name: &str) -> Option<Self> {
        match name.strip_prefix("parse_log_")? {
            "pytest" | "astroid" | "flask" | "marshmallow" | "pvlib" | "pyvista" | "sqlfluff" | "xarray" | "mypy"
            | "moto" | "conan" | "modin" | "monai" | "dvc" | "dask" | "bokeh" | "mne" | "hypothesis" | "pandas"
            | "hydra" => Some(Self::Pytest),
            "pytest_options" | "pydicom" | "requests" | "pylint" => Some(Self::PytestOptions),
            "pytest_v2" | "astropy" | "scikit" | "sphinx" => Some(Self::PytestV2),
            "pytest_pydantic" | "pydantic" => Some(Self::Pydantic),
            "matplotlib" => Some(Self::Matplotlib),
            "seaborn" => Some(Self::Seaborn),
            "sympy" => Some(Self::Sympy),
            "django" => Some(Self::Django),
            _ => None,
        }
    }
}
