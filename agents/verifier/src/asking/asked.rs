//! Scorers that ask a model about each episode by itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_core::{Message, Model, ModelError, Request};
use anyhow::{Context, anyhow};
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use prompts::Prompts;
use tokio::sync::Semaphore;

use super::kept::{Answer, Kept};
use super::probability::{NO_LOGPROBS, probability};
use super::rating::rating;
use crate::candidate::{Candidate, Candidates, Scorer};
use crate::conversation::{Log, OPENED, Question, Rated};

/// How many requests in a row may fail before it is taken that the server is not there.
const MOST_FAILED: usize = 5;

/// Counts the tokens of a conversation.
pub type Measure = Box<dyn Fn(&[Message]) -> anyhow::Result<usize> + Send + Sync>;

/// Returns the model that is asked under a key, such as an instance: all requests of a key go to one endpoint.
pub type ModelOfKey = dyn Fn(&str) -> anyhow::Result<Arc<dyn Model>> + Send + Sync;

/// How a model is asked.
pub struct Asking {
    /// Returns the model for an instance.
    pub model: Box<ModelOfKey>,
    /// What beside the conversation decides on the answer, such as the model's name and how it samples.
    pub settings: String,
    /// The templates.
    pub prompts: Prompts,
    /// What was answered before.
    pub kept: Arc<Kept>,
    /// How often it is asked about an episode; the score is the mean.
    pub votes: u32,
    /// How many requests are under way at once.
    pub workers: usize,
    /// Whether the answer is begun with the opening tag, for servers that go on from an answer.
    pub begun: bool,
    /// The most tokens that a conversation may have, and what becomes of longer ones; `None` asks about all.
    pub most: Option<(usize, TooLong)>,
    /// What counts them.
    pub measure: Measure,
}

/// What becomes of an episode that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLong {
    /// It has no score (SWE-Gym).
    Missing,
    /// Messages in its middle are left out, which the model is told.
    Cut,
}

/// Rates by what a model says of the log of an episode: its probability of YES, or a rating. What was rated is known by its
/// instance and place, so that a mix of scorers may have it rated in every subset.
pub struct Asked {
    name: &'static str,
    question: Question,
    asking: Asking,
    permits: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether anything was answered at all.
    answered: bool,
    /// How many requests have failed since.
    failed: usize,
    /// How many logs were cut.
    cut: usize,
    /// Candidates without a score, by reason.
    missing: BTreeMap<String, usize>,
    /// What was rated before, by instance and place.
    rated: HashMap<(String, usize), Option<f64>>,
}

/// A score, or why there is none.
type Score = Result<f64, String>;

/// What an answer tells, or why it tells nothing.
type Told = Result<f64, &'static str>;

impl Asked {
    /// Returns the scorer `llm`: the probability of YES.
    pub fn probability(asking: Asking) -> Self {
        Self::new("llm", Question::YesNo, asking)
    }

    /// Returns the scorer `judge`: a rating, for models without log probabilities.
    pub fn rating(asking: Asking) -> Self {
        Self::new("judge", Question::Rating, asking)
    }

    fn new(name: &'static str, question: Question, asking: Asking) -> Self {
        let state = State { answered: !asking.kept.is_empty(), ..State::default() };
        let permits = Semaphore::new(asking.workers.max(1));
        Self { name, question, asking, permits, state: Mutex::new(state) }
    }

    async fn score(&self, instance_id: &str, candidate: &Candidate) -> anyhow::Result<Option<f64>> {
        let place = (instance_id.to_owned(), candidate.place);
        let known = self.state().rated.get(&place).copied();
        if let Some(score) = known {
            return Ok(score);
        }
        let score = match self.conversation(candidate)? {
            Ok(messages) => self.mean(instance_id, messages).await?,
            Err(why) => Err(why.to_owned()),
        };
        let mut state = self.state();
        if let Err(why) = &score {
            *state.missing.entry(why.clone()).or_default() += 1;
        }
        state.rated.insert(place, score.as_ref().ok().copied());
        Ok(score.ok())
    }

    /// Returns what is asked about a candidate, or why nothing can be.
    fn conversation(&self, candidate: &Candidate) -> anyhow::Result<Result<Vec<Message>, &'static str>> {
        let prompts = &self.asking.prompts;
        let Some(trajectory) = &candidate.trajectory else { return Ok(Err("there is no record of the episode")) };
        let Some(mut log) = Log::of(trajectory, prompts)? else { return Ok(Err("nothing was answered in it")) };
        let messages = |log: &Log| self.question.messages(Rated { log, patch: &candidate.patch }, prompts);
        if let Some((most, too_long)) = self.asking.most {
            let fits = |log: &Log| Ok((self.asking.measure)(&messages(log)?)? <= most);
            let fitting = match too_long {
                TooLong::Missing => fits(&log)?.then_some(log),
                TooLong::Cut => log.cut(fits)?,
            };
            log = match fitting {
                Some(log) => log,
                None => return Ok(Err("it has too many tokens")),
            };
            self.state().cut += usize::from(log.left_out() > 0);
        }
        Ok(Ok(messages(&log)?))
    }

    /// Returns the mean of the votes that came.
    async fn mean(&self, instance_id: &str, messages: Vec<Message>) -> anyhow::Result<Score> {
        let model = (self.asking.model)(instance_id)?;
        let request = Request { messages, tools: Vec::new() };
        let (mut sum, mut count, mut why) = (0.0, 0_u32, String::new());
        for vote in 0..self.asking.votes.max(1) {
            match self.vote(model.as_ref(), &request, vote).await? {
                Ok(score) => (sum, count) = (sum + score, count + 1),
                Err(reason) => why = reason,
            }
        }
        Ok(if count > 0 { Ok(sum / f64::from(count)) } else { Err(why) })
    }

    /// Returns what was answered before, or asks and keeps the answer.
    async fn vote(&self, model: &dyn Model, request: &Request, vote: u32) -> anyhow::Result<Score> {
        let key = self.key(request, vote)?;
        let unrated = match self.asking.kept.get(&key) {
            Some(Answer::Score(score)) => return Ok(Ok(score)),
            Some(Answer::Missing(why)) => return Ok(Err(why)),
            Some(Answer::Unrated(text)) => Some(text),
            None => None,
        };
        let _permit = self.permits.acquire().await?;
        let asked = match self.question {
            Question::YesNo => self.ask_probability(model, request.clone()).await,
            Question::Rating => self.ask_rating(model, request.clone(), &key, unrated).await?,
        };
        let answer = match asked {
            Ok(Ok(score)) => Answer::Score(score),
            Ok(Err(NO_LOGPROBS)) => {
                let hint = "a server that sends `logprobs` has to be asked, such as vLLM's; `--by judge` needs none";
                return self.failed(&anyhow!("{NO_LOGPROBS}\nhint: {hint}"), NO_LOGPROBS);
            }
            Ok(Err(why)) => Answer::Missing(why.to_owned()),
            Err(ModelError::ContextLength(_)) => Answer::Missing("it is longer than the model's context".to_owned()),
            Err(err @ ModelError::Budget(_)) => return Err(err.into()),
            Err(err @ (ModelError::Transient { .. } | ModelError::Permanent(_))) => {
                return self.failed(&err.into(), "the model's server gave no answer");
            }
        };
        let score = match &answer {
            Answer::Score(score) => Ok(*score),
            Answer::Missing(why) | Answer::Unrated(why) => Err(why.clone()),
        };
        self.answered(key, answer)?;
        Ok(score)
    }

    /// Keeps an answer that came.
    fn answered(&self, key: String, answer: Answer) -> anyhow::Result<()> {
        let mut state = self.state();
        (state.answered, state.failed) = (true, 0);
        drop(state);
        self.asking.kept.put(key, answer)
    }

    /// Counts a request that failed, which is asked again by the next command.
    fn failed(&self, err: &anyhow::Error, why: &str) -> anyhow::Result<Score> {
        let mut state = self.state();
        state.failed += 1;
        if !state.answered || state.failed >= MOST_FAILED {
            let kept = self.asking.kept.len();
            return Err(anyhow!("{err:#}"))
                .with_context(|| format!("{} answers are kept, and the same command goes on from them", kept));
        }
        tracing::warn!("{err:#}");
        Ok(Err(why.to_owned()))
    }

    async fn ask_probability(&self, model: &dyn Model, mut request: Request) -> Result<Told, ModelError> {
        if self.asking.begun {
            request.messages.push(Message::assistant(OPENED, Vec::new()));
        }
        let completion = model.complete(&request).await?;
        let logprobs = completion.served.and_then(|served| served.logprobs);
        Ok(logprobs.ok_or(NO_LOGPROBS).and_then(|logprobs| probability(&logprobs, self.asking.begun)))
    }

    /// Asks for a rating, and once more where the answer has none. `unrated` is such an answer that was kept.
    async fn ask_rating(
        &self,
        model: &dyn Model,
        mut request: Request,
        key: &str,
        unrated: Option<String>,
    ) -> anyhow::Result<Result<Told, ModelError>> {
        let text = match unrated {
            Some(text) => text,
            None => match model.complete(&request).await {
                Ok(completion) => completion.message.content,
                Err(err) => return Ok(Err(err)),
            },
        };
        if let Some(rating) = rating(&text) {
            return Ok(Ok(Ok(rating)));
        }
        self.answered(key.to_owned(), Answer::Unrated(text.clone()))?;
        let again = self.asking.prompts.render("verifier/rate_again.md", ())?;
        request.messages.extend([Message::assistant(text, Vec::new()), Message::user(again)]);
        let second = model.complete(&request).await;
        Ok(second.map(|completion| rating(&completion.message.content).ok_or("two answers have no rating")))
    }

    /// Returns a digest of all that decides on the answer.
    fn key(&self, request: &Request, vote: u32) -> anyhow::Result<String> {
        let mut hasher = blake3::Hasher::new();
        let messages = serde_json::to_string(&request.messages)?;
        let begun = if self.asking.begun { OPENED } else { "" };
        for part in [self.name, &self.asking.settings, begun, &vote.to_string(), &messages] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Scorer for Asked {
    fn name(&self) -> &str {
        self.name
    }

    async fn rate(&self, candidates: &Candidates) -> anyhow::Result<Vec<Option<f64>>> {
        let mut scores: Vec<BoxFuture<'_, _>> = Vec::with_capacity(candidates.candidates.len());
        for candidate in &candidates.candidates {
            scores.push(Box::pin(self.score(&candidates.instance_id, candidate)));
        }
        stream::iter(scores).buffered(self.asking.workers.max(1)).try_collect().await
    }

    fn at_once(&self) -> usize {
        self.asking.workers
    }

    fn remarks(&self) -> Vec<String> {
        let state = self.state();
        let missing = state.missing.iter().map(|(why, count)| format!("without a score, episodes: {count}: {why}"));
        let cut = (state.cut > 0).then(|| format!("cut in their middle to fit, logs: {}", state.cut));
        missing.chain(cut).collect()
    }
}
