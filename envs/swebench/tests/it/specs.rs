//! Which repositories have specs.

use expect_test::expect;

#[test]
fn every_repository_of_swe_bench_has_its_versions() {
    let specs = swebench::spec_set("swe-bench").unwrap().unwrap();
    let counts: Vec<String> = specs.iter().map(|(repo, specs)| format!("{repo} {}", specs.versions.len())).collect();
    expect![[r#"
        astropy/astropy 17
        dbt-labs/dbt-core 17
        django/django 20
        marshmallow-code/marshmallow 16
        matplotlib/matplotlib 19
        mwaskom/seaborn 4
        pallets/flask 6
        psf/requests 28
        pvlib/pvlib-python 9
        pydata/xarray 9
        pydicom/pydicom 11
        pylint-dev/astroid 12
        pylint-dev/pylint 14
        pytest-dev/pytest 20
        pyvista/pyvista 24
        scikit-learn/scikit-learn 7
        sphinx-doc/sphinx 34
        sqlfluff/sqlfluff 17
        swe-bench/humaneval 1
        sympy/sympy 15"#]]
    .assert_eq(&counts.join("\n"));
}

#[test]
fn every_repository_of_swe_gym_has_its_versions() {
    let specs = swebench::spec_set("swe-gym").unwrap().unwrap();
    let counts: Vec<String> = specs.iter().map(|(repo, specs)| format!("{repo} {}", specs.versions.len())).collect();
    expect![[r#"
        bokeh/bokeh 24
        conan-io/conan 34
        dask/dask 60
        facebookresearch/hydra 10
        getmoto/moto 14
        hypothesisworks/hypothesis 94
        iterative/dvc 147
        modin-project/modin 28
        pandas-dev/pandas 21
        project-monai/monai 15
        pydantic/pydantic 40
        python/mypy 23"#]]
    .assert_eq(&counts.join("\n"));
}
