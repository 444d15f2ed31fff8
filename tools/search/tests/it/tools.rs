//! The tools in a local sandbox.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use expect_test::{Expect, expect};
use local::Local;
use search::{Checkout, SearchConfig, SearchTool, offer};
use serde_json::{Value, json};
use tool_core::{
    Command, ExecEnd, ExecOutput, FileError, Host, Image, Sandbox, SandboxConfig, SandboxError, SandboxInfo,
    SandboxPlug, Source, Toolbox,
};

use crate::tree::SHOP;

pub(crate) struct Shop {
    toolbox: Toolbox,
    pub(crate) checkout: Arc<Checkout>,
    pub(crate) sandbox: Arc<Troubled>,
    _provider: Box<dyn std::any::Any>,
}

/// A sandbox that has its troubles when it is told to.
pub(crate) struct Troubled {
    inner: Arc<dyn Sandbox>,
    /// How commands seem to end.
    end: Mutex<Option<ExecEnd>>,
    /// A file that cannot be read.
    refused: Mutex<Option<&'static str>>,
}

#[async_trait]
impl Sandbox for Troubled {
    fn info(&self) -> &SandboxInfo {
        self.inner.info()
    }

    async fn exec(&self, command: Command) -> Result<ExecOutput, SandboxError> {
        let output = self.inner.exec(command).await?;
        let end = self.end.lock().unwrap().unwrap_or(output.end);
        Ok(ExecOutput { end, ..output })
    }

    async fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        if self.refused.lock().unwrap().is_some_and(|refused| path.ends_with(refused)) {
            return Err(FileError::Refused { path: path.to_owned(), reason: "in trouble".to_owned() });
        }
        self.inner.read_file(path).await
    }

    async fn write_file(&self, path: &str, contents: &[u8], mode: Option<u32>) -> Result<(), FileError> {
        self.inner.write_file(path, contents, mode).await
    }

    async fn archive(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.inner.archive(path).await
    }

    async fn stop(&self) -> Result<(), SandboxError> {
        self.inner.stop().await
    }
}

impl Shop {
    async fn start(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self::with(SearchConfig::default(), files).await
    }

    pub(crate) async fn with(config: SearchConfig, files: BTreeMap<String, Vec<u8>>) -> Self {
        let search = config;
        let host = Host::new(std::env::vars_os(), false);
        let plug = SandboxPlug::of::<Local>();
        let provider = plug.connect(&SandboxConfig::default(), &host, "search-tests").await.unwrap();
        let image = Image { source: Source::Files(files), root: "/shop".to_owned(), startup: String::new() };
        let sandbox = provider.start(&image).await.unwrap();
        let sandbox = Arc::new(Troubled { inner: sandbox, end: Mutex::default(), refused: Mutex::default() });
        let checkout = Checkout::new(search);
        checkout.name_repository("somebody/shop");
        let tools = [SearchTool::SearchCode, SearchTool::FindSymbol, SearchTool::ViewCode, SearchTool::ListFiles];
        let toolbox = offer(Toolbox::default(), &tools, &checkout);
        Self { toolbox, checkout, sandbox, _provider: Box::new(provider) }
    }

    async fn open() -> Self {
        Self::start(Self::files()).await
    }

    fn files() -> BTreeMap<String, Vec<u8>> {
        SHOP.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    pub(crate) async fn call(&self, tool: &str, args: Value) -> String {
        let texts = crate::texts();
        match self.toolbox.call(tool, &args.to_string(), &*self.sandbox, &texts).await {
            Ok(shown) => shown.text,
            Err(err) => format!("rejected: {}\n", err.message(&texts).unwrap()),
        }
    }

    async fn check(&self, tool: &str, args: Value, expected: Expect) {
        expected.assert_eq(&self.call(tool, args).await);
    }

    async fn bash(&self, script: &str) {
        assert!(self.sandbox.exec(Command::new(script)).await.unwrap().success());
    }
}

#[tokio::test]
async fn searches_show_spans_with_their_lines() {
    let shop = Shop::open().await;
    shop.check(
        "search_code",
        json!({"query": "negative quantity"}),
        expect![[r#"
        shop/cart.py
          span `Cart.add_line`, lines 23-30
            23      def add_line(self, product, quantity=1):
            24          """Adds a product.
            25  
            26          Refuses a negative quantity.
            27          """
            28          if quantity < 0:
            29              raise CartError("negative quantity")
            30          self.lines.append((product, quantity))
    "#]],
    )
    .await;
    shop.check(
        "find_symbol",
        json!({"name": "round_price"}),
        expect![[r#"
        Defined (1):
        shop/prices.py
          span `round_price`, lines 4-6
             4  def round_price(amount):
        Used (2):
        shop/prices.py
          span `PriceList.price_of`, lines 10-11
            11          return round_price(self[product])
          span `SalePriceList.price_of`, lines 15-17
            17          return round_price(full * 0.8)
    "#]],
    )
    .await;
    shop.check(
        "find_symbol",
        json!({"name": "roundPrices"}),
        expect![[r#"
        `roundPrices` is neither defined nor used here. Did you mean `round_price`?
    "#]],
    )
    .await;
    shop.sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_file_is_shown_by_its_spans() {
    let shop = Shop::open().await;
    shop.check(
        "view_code",
        json!({"path": "shop/cart.py"}),
        expect![[r#"
            shop/cart.py (37 lines), the spans and their signatures:
              span `docstring`, line 1
              span `imports`, lines 3-5
              span `impl`, line 7
              span `CartError`, lines 10-11
                10  class CartError(Exception):
              span `Cart`, lines 14-17
                14  class Cart:
              span `Cart.__init__`, lines 19-21
                19      def __init__(self, prices: PriceList):
              span `Cart.add_line`, lines 23-30
                23      def add_line(self, product, quantity=1):
              span `Cart.total`, lines 32-35
                34      def total(self):
              span `Cart:2`, line 37
                37      tax_rate = Decimal("0.19")
        "#]],
    )
    .await;
    shop.check(
        "view_code",
        json!({"path": "shop/prices.py", "span_ids": ["SalePriceList"]}),
        expect![[r#"
            shop/prices.py
              span `SalePriceList`, line 14
                14  class SalePriceList(PriceList):
              span `SalePriceList.price_of`, lines 15-17
                15      def price_of(self, product):
        "#]],
    )
    .await;
    shop.check(
        "view_code",
        json!({"path": "cart.py"}),
        expect![[r#"
        rejected: `cart.py` is not an indexed source file of the repository; did you mean `shop/cart.py`?
    "#]],
    )
    .await;
    shop.check(
        "view_code",
        json!({"path": "shop/cart.py", "span_ids": ["Cart.add_lines"]}),
        expect![[r#"
        rejected: `shop/cart.py` has no span `Cart.add_lines`; did you mean `Cart.add_line`?
        hint: view it without span_ids to see them all
    "#]],
    )
    .await;
    shop.sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn files_are_listed_and_empty_requests_refused() {
    let shop = Shop::open().await;
    shop.check(
        "list_files",
        json!({}),
        expect![[r#"
        README.rst
        shop/cart.py
        shop/prices.py
        tests/test_cart.py
        vendor/other.py
    "#]],
    )
    .await;
    shop.check(
        "list_files",
        json!({"pattern": "*.rst"}),
        expect![[r#"
        README.rst
    "#]],
    )
    .await;
    let root = shop.sandbox.info().root.clone();
    for all in [".", "./", "/", &root, &format!("{root}/**")] {
        let listed = shop.call("list_files", json!({ "pattern": all })).await;
        assert_eq!(listed.lines().count(), 5, "{all}: {listed}");
    }
    let below = json!({ "query": "price", "file_pattern": format!("{root}/shop/c*.py") });
    assert!(shop.call("search_code", below).await.starts_with("shop/cart.py\n"));
    shop.check(
        "search_code",
        json!({}),
        expect![[r#"
        rejected: give at least one of query, file_pattern, class_names, function_names and code_snippet
    "#]],
    )
    .await;
    shop.sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn changes_by_anyone_show_in_the_next_answer() {
    let shop = Shop::open().await;
    let find = |name: &'static str| shop.call("find_symbol", json!({"name": name, "references": false}));
    assert!(find("round_price").await.contains("shop/prices.py"));
    shop.sandbox.write_file("shop/added.py", b"def by_a_tool():\n    pass\n", None).await.unwrap();
    assert!(find("by_a_tool").await.contains("shop/added.py"));
    shop.bash("sed -i s/by_a_tool/by_a_shell/ shop/added.py").await;
    assert!(find("by_a_shell").await.contains("shop/added.py"));
    assert!(find("by_a_tool").await.contains("neither"));
    shop.bash("touch -r shop/cart.py stamp; sed -i s/add_line/sub_line/ shop/cart.py; touch -r stamp shop/cart.py")
        .await;
    assert!(find("sub_line").await.contains("shop/cart.py"), "size and time of writing are as before");
    shop.bash("rm shop/prices.py; mv shop/added.py shop/moved.py").await;
    assert!(find("round_price").await.contains("neither"));
    assert!(find("by_a_shell").await.contains("shop/moved.py"));
    shop.sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_has_little_tells_what_was_not_parsed() {
    let mut files = Shop::files();
    files.insert("plots.ipynb".to_owned(), b"{\"cells\": [".to_vec());
    files.insert("tests/plots.ipynb".to_owned(), b"{}".to_vec());
    let kept = include_str!("../fixtures/spans/vector.pyx.tp").as_bytes().to_vec();
    files.insert("vector.pyx.tp".to_owned(), kept);
    let shop = Shop::start(files).await;
    shop.check(
        "find_symbol",
        json!({"name": "draw_plot"}),
        expect![[r#"
            `draw_plot` is neither defined nor used here.
            Not parsed, so definitions in them may be missing here: `plots.ipynb` (the notebook is not JSON: EOF while parsing a list at line 1 column 11).
        "#]],
    )
    .await;
    for (tool, args, told) in [
        ("find_symbol", json!({"name": "round_price"}), 0),
        ("find_symbol", json!({"name": "Decimal"}), 1),
        ("find_symbol", json!({"name": "draw_plot", "include_tests": true}), 2),
        ("search_code", json!({"query": "negative quantity"}), 0),
        ("search_code", json!({"function_names": ["round_price"]}), 1),
        ("search_code", json!({"function_names": ["round_price"], "file_pattern": "*.py"}), 0),
        ("search_code", json!({"query": "zzyzx"}), 1),
    ] {
        let shown = shop.call(tool, args.clone()).await;
        assert_eq!(shown.matches("plots.ipynb").count(), told, "{args}: {shown}");
        assert_eq!(shown.matches("Not parsed").count(), told.min(1), "{args}: {shown}");
    }
    assert!(shop.call("find_symbol", json!({"name": "Vector"})).await.contains("cdef class {{name}}Vector"));
}

#[tokio::test]
async fn tests_come_in_when_they_are_asked_for() {
    let shop = Shop::open().await;
    let find = |tests: bool| shop.call("find_symbol", json!({"name": "test_total", "include_tests": tests}));
    assert!(find(false).await.contains("neither"));
    assert!(find(true).await.contains("tests/test_cart.py"));
    assert!(find(false).await.contains("neither"));
    assert!(shop.call("view_code", json!({"path": "tests/test_cart.py"})).await.contains("test_total"));
    shop.sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_tree_of_many_files_comes_in_archives() {
    let mut files = BTreeMap::new();
    for number in 0..300 {
        files.insert(format!("pkg/m {number}'.py"), format!("def f{number}():\n    pass\n").into_bytes());
    }
    let shop = Shop::start(files).await;
    assert!(shop.call("find_symbol", json!({"name": "f299"})).await.contains("pkg/m 299'.py"));
    shop.bash("for f in pkg/*; do echo 'def late(): pass' >>\"$f\"; done").await;
    assert!(shop.call("find_symbol", json!({"name": "late"})).await.contains("Defined (300)"));
    shop.sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_listing_that_was_cut_short_is_not_trusted() {
    let shop = Shop::open().await;
    let find = || shop.call("find_symbol", json!({"name": "round_price", "references": false}));
    assert!(find().await.contains("shop/prices.py"));
    for end in [ExecEnd::TimedOut(std::time::Duration::ZERO), ExecEnd::Exited(127), ExecEnd::OutOfMemory] {
        *shop.sandbox.end.lock().unwrap() = Some(end);
        assert!(find().await.starts_with("rejected: the files of the repository cannot be listed"), "{end:?}");
        let listed = shop.call("list_files", json!({})).await;
        assert!(listed.starts_with("rejected: the files of the repository cannot be listed"), "{listed}");
    }
    *shop.sandbox.end.lock().unwrap() = None;
    let root = shop.sandbox.info().root.clone();
    shop.bash(&format!("mv '{root}' '{root}.away'")).await;
    assert!(find().await.contains("cannot be listed"), "the listing of before is not taken");
    assert!(shop.call("list_files", json!({})).await.contains("cannot be listed"));
    shop.bash(&format!("mv '{root}.away' '{root}'")).await;
    assert!(find().await.contains("shop/prices.py"));
    shop.sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_tried_again() {
    let shop = Shop::open().await;
    let find = |name: &'static str| shop.call("find_symbol", json!({"name": name, "references": false}));
    *shop.sandbox.refused.lock().unwrap() = Some("prices.py");
    assert!(find("round_price").await.contains("neither"));
    assert!(find("add_line").await.contains("shop/cart.py"));
    *shop.sandbox.refused.lock().unwrap() = None;
    assert!(find("round_price").await.contains("shop/prices.py"));
    *shop.sandbox.refused.lock().unwrap() = Some("prices.py");
    shop.bash("sed -i s/round_price/count_price/ shop/prices.py").await;
    assert!(find("round_price").await.contains("neither"), "what is known of it is no longer so");
    *shop.sandbox.refused.lock().unwrap() = None;
    assert!(find("count_price").await.contains("shop/prices.py"));
    shop.sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn episodes_with_clones_of_the_settings_share_an_index() {
    let (folder, texts) = (tempfile::tempdir().unwrap(), crate::texts());
    for cache in [None, Some("".into()), Some(folder.path().to_owned())] {
        let config = SearchConfig { cache, ..SearchConfig::default() };
        let (first, second) =
            tokio::join!(Shop::with(config.clone(), Shop::files()), Shop::with(config.clone(), Shop::files()));
        for (tests, all) in [(false, 2), (true, 3)] {
            let (first, second) = tokio::join!(
                first.checkout.sync(&*first.sandbox, tests, &texts),
                second.checkout.sync(&*second.sandbox, tests, &texts)
            );
            assert_eq!(first.unwrap().reused() + second.unwrap().reused(), all, "each is indexed once: {config:?}");
        }
        let alone = Shop::with(SearchConfig::default(), Shop::files()).await;
        assert_eq!(alone.checkout.sync(&*alone.sandbox, false, &texts).await.unwrap().reused(), 0);
        for shop in [first, second, alone] {
            shop.sandbox.stop().await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_not_shown_is_told_of() {
    let mut files = BTreeMap::new();
    let long = "x".repeat(1000);
    for number in 0..50 {
        files.insert(format!("m{number:02}.py"), format!("def f(y):\n    f('{long}')\n").into_bytes());
    }
    let shop = Shop::with(SearchConfig { max_tokens: 50, ..SearchConfig::default() }, files).await;
    let found = shop.call("find_symbol", json!({"name": "f"})).await;
    assert!(found.contains("Defined (50):\n") && found.contains("Used (50):\n(50 more)\n"), "{found}");
    let shown = shop.call("view_code", json!({"path": "m00.py", "span_ids": ["f"]})).await;
    expect![[r#"
        m00.py
          span `f`, lines 1-2
             1  def f(y):
                (too long to show in full)
    "#]]
    .assert_eq(&shown.replace(&"x".repeat(290), "<x>"));
    let listed = shop.call("list_files", json!({})).await;
    assert!(listed.ends_with("(28 of 50 files shown; a narrower pattern shows the rest)\n"), "{listed}");
    shop.sandbox.stop().await.unwrap();
}
