//! The budget of a run. The server's own bill is the judge.

use std::path::Path;
use std::time::Duration;

use agent_core::{Completion, ModelError};
use llm::{BudgetLimits, Gateway, Gateways, ModelConfig, Prices, RateConfig, RetryConfig, Spent};
use serde_json::json;

use super::judge::{Judge, Reply, ask_many, limited, saying};
use crate::server::prompts;

/// Tokens of an answer, of which a million cost 1000 dollars; those of the prompt cost nothing.
const TOKENS: u64 = 10;

fn judge() -> Judge {
    Judge::start(|_, number| {
        let mut reply = Reply::ok(5 + number as u64 % 20);
        // Some servers fail now and then, and bill nothing.
        if number % 10 == 7 {
            return Reply::status(500, "");
        }
        reply.body["usage"] = json!({ "prompt_tokens": 20, "completion_tokens": TOKENS, "total_tokens": 20 + TOKENS });
        reply
    })
}

fn bill(judge: &Judge) -> f64 {
    judge.seen().iter().filter(|seen| seen.status == 200).count() as f64 * TOKENS as f64 / 1000.0
}

fn connect(judge: &Judge, budget: BudgetLimits, folder: Option<&Path>) -> (Gateways, Gateway) {
    let prices = Prices::new(Some("[{model: 'gpt-4o*', input: 0, output: 1000}]")).unwrap();
    let retry = RetryConfig { max_elapsed: 30.0, base: 0.001, cap: 0.01 };
    let config = ModelConfig { retry, max_output_tokens: Some(20), ..limited(judge, RateConfig::default()) };
    let gateways = Gateways::new(folder.map(Path::to_owned), budget).unwrap();
    let gateway = gateways.connect_in(&config, &prices, &prompts(), |_| None).unwrap();
    (gateways, gateway)
}

fn answered(answers: &[Result<Completion, ModelError>]) -> usize {
    for answer in answers {
        assert!(matches!(answer, Ok(_) | Err(ModelError::Budget(_))), "{answer:?}");
    }
    answers.iter().filter(|answer| answer.is_ok()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bill_never_exceeds_the_budget_with_many_in_flight() {
    let judge = judge();
    let (gateways, gateway) = connect(&judge, BudgetLimits { cost: Some(2.0), tokens: None }, None);
    let answers = ask_many(&gateway.model("i"), 64, 1000).await;
    let answered = answered(&answers);
    assert!((1.97..=2.0 + 1e-9).contains(&bill(&judge)), "{}", bill(&judge));
    assert_eq!(answered as f64 * 0.01, bill(&judge));
    assert!(gateways.budget().is_spent());
    assert!((gateways.budget().spent().cost - bill(&judge)).abs() < 1e-6);
    let (totals, cost) = (gateway.taken(), bill(&judge));
    assert_eq!((totals.answers, totals.unpriced, totals.usage.total()), (answered as u64, 0, answered as u64 * 30));
    assert!((totals.cost - cost).abs() < 1e-6);
    let error = gateway.model("i").complete(&saying("a")).await.unwrap_err().to_string();
    assert!(error.contains("of $2.00 are spent\nhint: "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_of_tokens_holds_as_well() {
    let judge = judge();
    let (gateways, gateway) = connect(&judge, BudgetLimits { cost: None, tokens: Some(3000) }, None);
    answered(&ask_many(&gateway.model("i"), 64, 300).await);
    let tokens: u64 = judge.seen().iter().map(|seen| seen.tokens).sum();
    assert!((2850..=3000).contains(&tokens), "{tokens}");
    assert_eq!(gateways.budget().spent().tokens, tokens);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_shared_over_a_folder_and_outlasts_its_processes() {
    let (judge, folder) = (judge(), tempfile::tempdir().unwrap());
    let budget = BudgetLimits { cost: Some(2.0), tokens: None };
    let (one, first) = connect(&judge, budget, Some(folder.path()));
    let (other, second) = connect(&judge, budget, Some(folder.path()));
    let (first, second) = (first.model("i"), second.model("i"));
    let (of_one, of_other) = tokio::join!(ask_many(&first, 32, 400), ask_many(&second, 32, 400));
    let (of_one, of_other) = (answered(&of_one), answered(&of_other));
    assert!((1.95..=2.0 + 1e-9).contains(&bill(&judge)), "{}", bill(&judge));
    // How they share it depends on whose turn comes first, but neither takes what the other may still spend.
    assert!(of_one > 0 && of_other > 0, "{of_one} and {of_other}");
    for gateways in [one, other] {
        gateways.budget().sync().await.unwrap();
    }
    drop((first, second));
    let (later, gateway) = connect(&judge, budget, Some(folder.path()));
    assert_eq!(answered(&ask_many(&gateway.model("i"), 4, 20).await), 0);
    assert!((later.budget().spent().cost - bill(&judge)).abs() < 0.02, "{:?}", later.budget().spent());
    let (more, gateway) = connect(&judge, BudgetLimits { cost: Some(2.5), tokens: None }, Some(folder.path()));
    let answered = answered(&ask_many(&gateway.model("i"), 16, 100).await);
    assert!((45..=51).contains(&answered), "{answered}");
    assert!(more.budget().is_spent() && bill(&judge) <= 2.5 + 1e-9);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_spent_before_counts() {
    let judge = judge();
    let (gateways, gateway) = connect(&judge, BudgetLimits { cost: Some(1.0), tokens: None }, None);
    assert!(gateways.budget().charge_earlier(0.9, 100).await.unwrap());
    assert!(!gateways.budget().charge_earlier(0.9, 100).await.unwrap());
    let answered = answered(&ask_many(&gateway.model("i"), 8, 50).await);
    assert!((9..=10).contains(&answered), "{answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_spent_before_counts_once_for_a_folder_that_is_new() {
    let (judge, folder) = (judge(), tempfile::tempdir().unwrap());
    let budget = BudgetLimits { cost: Some(1.0), tokens: None };
    let spent = |gateways: &Gateways| gateways.budget().spent();
    // Several processes open the run at once, and later ones again.
    let (one, gateway) = connect(&judge, budget, Some(folder.path()));
    let (other, _) = connect(&judge, budget, Some(folder.path()));
    let charged = tokio::join!(one.budget().charge_earlier(0.5, 100), other.budget().charge_earlier(0.5, 100));
    assert_ne!(charged.0.unwrap(), charged.1.unwrap());
    assert_eq!([spent(&one), spent(&other)], [Spent { cost: 0.5, tokens: 100 }; 2]);
    assert_eq!(answered(&ask_many(&gateway.model("i"), 1, 5).await), 5);
    one.budget().sync().await.unwrap();
    let (later, _) = connect(&judge, budget, Some(folder.path()));
    assert!(!later.budget().charge_earlier(0.55, 250).await.unwrap());
    assert!((spent(&later).cost - 0.55).abs() < 1e-9, "{:?}", spent(&later));
    // A run whose first command had spent nothing is not charged for what later ones have told themselves.
    let folder = tempfile::tempdir().unwrap();
    let (first, gateway) = connect(&judge, budget, Some(folder.path()));
    assert!(first.budget().charge_earlier(0.0, 0).await.unwrap());
    assert_eq!(answered(&ask_many(&gateway.model("i"), 1, 5).await), 5);
    first.budget().sync().await.unwrap();
    let (second, _) = connect(&judge, budget, Some(folder.path()));
    assert!(!second.budget().charge_earlier(0.05, 150).await.unwrap());
    assert!((spent(&second).cost - 0.05).abs() < 1e-9, "{:?}", spent(&second));
    // More than there is leaves nothing.
    let folder = tempfile::tempdir().unwrap();
    let (gateways, gateway) = connect(&judge, budget, Some(folder.path()));
    assert!(gateways.budget().charge_earlier(3.0, 0).await.unwrap());
    assert_eq!(answered(&ask_many(&gateway.model("i"), 4, 8).await), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_counts_as_what_it_may_have_cost() {
    let judge = Judge::start(|_, _| Reply::ok(60_000));
    let (gateways, gateway) = connect(&judge, BudgetLimits { cost: Some(0.1), tokens: None }, None);
    for _ in 0..3 {
        let model = gateway.model("i");
        let asked = tokio::time::timeout(Duration::from_millis(300), async move { model.complete(&saying("a")).await });
        assert!(asked.await.is_err());
    }
    assert!((gateways.budget().spent().cost - 0.06).abs() < 1e-9, "{:?}", gateways.budget().spent());
}
