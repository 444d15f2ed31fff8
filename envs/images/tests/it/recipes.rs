//! How images are made: steps, names and digests.

use expect_test::{Expect, expect};
use grading::{RepoSpecs, Spec};
use images::{PackageList, PythonSource, Recipe, RecipeSettings};

fn settings(python: PythonSource) -> RecipeSettings {
    RecipeSettings {
        base: "debian:12".to_owned(),
        python,
        packages: vec!["git".to_owned(), "gcc".to_owned()],
        miniconda: "https://host/{arch}.sh".to_owned(),
        tag: "latest".to_owned(),
        platform: Some("linux/amd64".to_owned()),
    }
}

fn spec() -> Spec {
    Spec {
        python: Some("3.9".to_owned()),
        packages: Some("numpy=1.2 graphviz<2 pip".to_owned()),
        pip_packages: Some(vec!["flask[async]<3".to_owned(), "--no-deps 'click>8'".to_owned()]),
        pre_install: Some(vec!["export A=1".to_owned(), "echo $A".to_owned()]),
        install: Some("pip install -e .".to_owned()),
        ..Spec::default()
    }
}

/// Returns base, environment and instance, as they are made from a spec that names its packages.
fn recipes(settings: &RecipeSettings, spec: &Spec, source: &str) -> [Recipe; 3] {
    let base = settings.base("sha256:1");
    let packages = PackageList::find(&RepoSpecs::default(), spec, |_| Ok(None)).unwrap();
    let environment = settings.environment(&base, spec, &packages).unwrap();
    let instance = settings.instance(&environment, "Own__r-1", spec, source);
    [base, environment, instance]
}

fn show(recipe: &Recipe) -> String {
    recipe.steps.iter().map(|step| format!("[{}]\n{}", step.name, step.script)).collect()
}

/// A file of its own, which is not shown again.
const FIND_PYTHON: &str = include_str!("../../src/recipe/find_python.sh");

/// Checks the steps of an environment that is made from this list.
fn check(python: PythonSource, spec: &Spec, packages: &PackageList, wanted: &Expect) {
    let settings = settings(python);
    let shown = match settings.environment(&settings.base("sha256:1"), spec, packages) {
        Ok(recipe) => show(&recipe).replace(FIND_PYTHON, "(find_python.sh)\n"),
        Err(reason) => reason,
    };
    wanted.assert_eq(&shown);
}

#[test]
fn conda_makes_an_environment_as_the_official_images_have_it() {
    let named = PackageList::Named("numpy=1.2 networkx<2 pip".to_owned());
    check(
        PythonSource::Conda,
        &spec(),
        &named,
        &expect![[r#"
        [environment]
        source /opt/miniconda3/bin/activate
        cd "$HOME"
        conda create -n testbed python=3.9 numpy=1.2 'networkx<2' pip -y
        [pip packages]
        source /opt/miniconda3/bin/activate
        conda activate testbed
        python -m pip install 'flask[async]<3' --no-deps 'click>8'
        [shell]
        echo 'source /opt/miniconda3/etc/profile.d/conda.sh && conda activate testbed' > /root/.bashrc
    "#]],
    );
    check(PythonSource::Conda, &Spec { python: None, ..spec() }, &named, &expect!["its spec names no `python`"]);
    let list = "name: x\ndependencies:\n  - python=3.8\n  - conda-forge::blas\n  - pytables>=3\n  - pip:\n    - -e .\n    - c==1\n";
    let list = PackageList::Environment(list.to_owned());
    check(
        PythonSource::Conda,
        &Spec { python: None, ..spec() },
        &list,
        &expect![[r#"
        [environment]
        source /opt/miniconda3/bin/activate
        cd "$HOME"
        cat <<'EOF_59812759871' > environment.yml
        name: testbed
        dependencies:
          - python=3.8
          - conda-forge::blas
          - pytables>=3
          - pip:
            - -e .
            - c==1
        EOF_59812759871
        conda env create --file environment.yml
        rm environment.yml
        [pip packages]
        source /opt/miniconda3/bin/activate
        conda activate testbed
        python -m pip install 'flask[async]<3' --no-deps 'click>8'
        [shell]
        echo 'source /opt/miniconda3/etc/profile.d/conda.sh && conda activate testbed' > /root/.bashrc
    "#]],
    );
}

#[test]
fn the_python_of_the_base_takes_what_pip_knows() {
    let named = PackageList::Named("numpy=1.2 networkx<2 pip".to_owned());
    check(
        PythonSource::System,
        &spec(),
        &named,
        &expect![[r#"
        [environment]
        wanted=3.9
        (find_python.sh)
        [packages]
        source /opt/miniconda3/bin/activate
        conda activate testbed
        python -m pip install 'numpy==1.2.*' 'networkx<2'
        [pip packages]
        source /opt/miniconda3/bin/activate
        conda activate testbed
        python -m pip install 'flask[async]<3' --no-deps 'click>8'
        [shell]
        echo 'source /opt/miniconda3/etc/profile.d/conda.sh && conda activate testbed' > /root/.bashrc
    "#]],
    );
    check(
        PythonSource::System,
        &spec(),
        &PackageList::Named("cmake".to_owned()),
        &expect![[r#"
        it needs the conda package `cmake`, which pip does not know
        hint: images.python=conda, or pins of your own in images.specs"#]],
    );
}

#[test]
fn uv_takes_lists_for_pip_and_for_conda() {
    check(
        PythonSource::Uv,
        &spec(),
        &PackageList::Requirements("a\nb".to_owned()),
        &expect![[r#"
        [environment]
        export UV_PYTHON_INSTALL_DIR=/opt/uv/python
        /opt/miniconda3/bin/uv venv --seed --python 3.9 /opt/miniconda3/envs/testbed
        [requirements]
        cd "$HOME"
        cat <<'EOF_59812759871' > requirements.txt
        a
        b
        EOF_59812759871
        source /opt/miniconda3/bin/activate
        conda activate testbed
        python -m pip install -r "$HOME/requirements.txt"
        rm requirements.txt
        [pip packages]
        source /opt/miniconda3/bin/activate
        conda activate testbed
        python -m pip install 'flask[async]<3' --no-deps 'click>8'
        [shell]
        echo 'source /opt/miniconda3/etc/profile.d/conda.sh && conda activate testbed' > /root/.bashrc
    "#]],
    );
    let list = "name: x\ndependencies:\n  - python=3.8\n  - conda-forge::blas\n  - pytables>=3\n  - pip:\n    - -e .\n    - c==1\n";
    let list = PackageList::Environment(list.to_owned());
    check(
        PythonSource::Uv,
        &Spec { python: None, pip_packages: None, ..spec() },
        &list,
        &expect![[r#"
        [environment]
        export UV_PYTHON_INSTALL_DIR=/opt/uv/python
        /opt/miniconda3/bin/uv venv --seed --python 3.8 /opt/miniconda3/envs/testbed
        [packages]
        source /opt/miniconda3/bin/activate
        conda activate testbed
        python -m pip install 'tables>=3' 'c==1'
        [shell]
        echo 'source /opt/miniconda3/etc/profile.d/conda.sh && conda activate testbed' > /root/.bashrc
    "#]],
    );
}

#[test]
fn an_instance_stands_on_its_environment_and_that_on_the_base() {
    let [base, environment, instance] =
        recipes(&settings(PythonSource::System), &Spec { packages: None, ..spec() }, "abc");
    assert_eq!((base.name.as_str(), base.parent.as_str()), ("sweb.base.x86_64:latest", "debian:12"));
    assert_eq!(environment.name, format!("sweb.env.x86_64.{}:latest", environment.digest));
    assert_eq!((instance.name.as_str(), &instance.parent), ("sweb.eval.x86_64.own__r-1:latest", &environment.name));
    let names = |recipe: &Recipe| recipe.steps.iter().map(|step| step.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&base), ["system packages", "user", "conda's shell interface"]);
    assert_eq!(names(&instance), ["repository", "pre-install", "install"]);
    let last: String = instance.steps[1..].iter().map(|step| step.script.as_str()).collect();
    expect![[r#"
        source /opt/miniconda3/bin/activate
        conda activate testbed
        cd /testbed
        export A=1
        echo $A
        source /opt/miniconda3/bin/activate
        conda activate testbed
        cd /testbed
        pip install -e .
    "#]]
    .assert_eq(&last);
}

#[test]
fn a_digest_changes_with_all_that_goes_into_an_image_and_nothing_else() {
    let (own, spec) = (settings(PythonSource::System), Spec { packages: None, ..spec() });
    let first = recipes(&own, &spec, "abc");
    let changed = |other: [Recipe; 3]| {
        let same = first.iter().zip(&other).map(|(one, other)| one.digest != other.digest);
        same.collect::<Vec<_>>()
    };
    assert_eq!(changed(recipes(&own, &spec, "abc")), [false, false, false]);
    assert_eq!(changed(recipes(&own, &spec, "def")), [false, false, true]);
    let of = |change: fn(&mut Spec)| {
        let mut other = spec.clone();
        change(&mut other);
        changed(recipes(&own, &other, "abc"))
    };
    assert_eq!(of(|spec| spec.install = None), [false, false, true]);
    assert_eq!(of(|spec| spec.test_cmd = Some("pytest".to_owned())), [false, false, false]);
    assert_eq!(of(|spec| spec.python = Some("3.8".to_owned())), [false, true, true]);
    assert_eq!(of(|spec| spec.pip_packages = None), [false, true, true]);
    let packages = RecipeSettings { packages: Vec::new(), ..own.clone() };
    assert_eq!(changed(recipes(&packages, &spec, "abc")), [true, true, true]);
    let tagged = RecipeSettings { tag: "v2".to_owned(), ..own.clone() };
    assert_eq!(changed(recipes(&tagged, &spec, "abc")), [false, false, false]);
    assert_ne!(own.base("sha256:1").digest, own.base("sha256:2").digest);
}

#[test]
fn lists_of_a_repository_are_found_and_put_together() {
    let repo =
        RepoSpecs { requirements_files: vec!["no.txt".to_owned(), "dev/all.txt".to_owned()], ..RepoSpecs::default() };
    let files = [("dev/all.txt", "# all\n-r base.txt\n-e .\npytest\n"), ("dev/base.txt", "\nnumpy # fast\n.[test]\n")];
    let find = |packages: &str| {
        let spec = Spec { packages: Some(packages.to_owned()), ..Spec::default() };
        PackageList::find(&repo, &spec, |path| {
            Ok(files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned()))
        })
    };
    assert_eq!(find("requirements.txt"), Ok(PackageList::Requirements("numpy # fast\npytest".to_owned())));
    assert_eq!(find("numpy"), Ok(PackageList::Named("numpy".to_owned())));
    assert!(
        find("environment.yml")
            .unwrap_err()
            .starts_with("its spec asks for `environment.yml`, and the source has none")
    );
}
