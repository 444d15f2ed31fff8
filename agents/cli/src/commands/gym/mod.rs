//! `gym`: serves instances to trainers.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use dataset::select;
use env_core::Environment;
use gym::{Abandoned, Base, Gym, Parts, RewardSettings, Warm};
use runner::environments::{Providers, open};
use runner::run_folder::{OtherSettings, open_cell, open_journal};
use runner::stages::{Cell, Models};
use runner::{Plugs, Resolved};
use tokio::net::TcpListener;

use crate::commands::clean::remove_of_dead;
use crate::commands::engine::engine;
use crate::console::say;
use crate::failed::Failed;
use crate::interrupt::AtInterrupt;
use crate::listener::unseen;
use crate::settings::{Picked, Settings, seconds, workers};

/// What is otherwise than in the defaults: the run, whose cells go by the settings, and that an agent which is trained to
/// find holes finds none in the judging.
const BASE: &str = "{run: gym, env: {judging: strict}}";

/// The variable that holds the token where the command line does not.
const TOKEN: &str = "SPOTTER_GYM_TOKEN";

#[derive(Debug, Args)]
pub(crate) struct GymCommand {
    /// Where it listens: an address and a port, of which 0 takes a free one. Any address but this machine's own wants a
    /// token.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    pub(crate) listen: SocketAddr,
    /// What each request has to come with; by default the variable `SPOTTER_GYM_TOKEN`, which other users of the machine do
    /// not see.
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// Sessions and rollouts that are under way at most; one more is refused until one ends.
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = workers)]
    pub(crate) sessions: usize,
    /// Sandboxes that wait, made ready, of the instances that were asked for last.
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    pub(crate) warm: usize,
    /// Seconds that a session may be left alone.
    #[arg(long, value_name = "SECONDS", default_value = "900", value_parser = seconds)]
    pub(crate) idle: u64,
    /// What becomes of a session that is left alone, or closed before it has ended.
    #[arg(long, value_enum, default_value_t = OfAbandoned::Judge)]
    pub(crate) abandoned: OfAbandoned,
    /// What a verdict is worth.
    #[arg(long, value_enum, default_value_t = OfVerdict::Resolved)]
    pub(crate) reward: OfVerdict,
    /// What is taken off the reward of an episode that ends at a limit.
    #[arg(long, value_name = "AMOUNT", default_value_t = 0.0)]
    pub(crate) limit_penalty: f64,
    /// Name of the split that the instances are listed as; `train`, `validation` and `test` are known to clients.
    #[arg(long, default_value = "train")]
    pub(crate) split: String,
    #[command(flatten)]
    picked: Picked,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// What becomes of a session that nobody asks any more.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OfAbandoned {
    /// What is there is judged.
    Judge,
    /// It comes to nothing.
    Drop,
}

/// What a verdict is worth.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OfVerdict {
    /// 1 where all tests pass that must, else 0.
    Resolved,
    /// The share of FAIL_TO_PASS that passes, where all of PASS_TO_PASS still does; else 0.
    Share,
}

/// Loads the settings; where an environment has no strict judging, the default gives way, and what was asked for does not.
fn load(plugs: &Plugs, base: &mut runner::Settings) -> anyhow::Result<Resolved> {
    let resolved = Resolved::load(plugs, base, &[])?;
    let mut official = base.clone();
    let env = official.base.as_mut().and_then(|(values, _)| values.get_mut("env")?.as_mapping_mut());
    let removed = env.is_some_and(|env| env.remove("judging").is_some());
    if !removed || !resolved.is_too_strict() {
        return Ok(resolved);
    }
    let resolved = Resolved::load(plugs, &official, &[])?;
    if !resolved.is_too_strict() {
        say("note: these instances are judged by their own verifiers, not strictly (`env.judging: official`)");
    }
    *base = official;
    Ok(resolved)
}

pub(crate) async fn run(
    plugs: &Plugs,
    args: GymCommand,
    providers: &Providers,
    at_interrupt: &AtInterrupt,
) -> Result<ExitCode, Failed> {
    let settings = settings(&args).map_err(Failed::Usage)?;
    let mut base = args.settings.layered();
    base.base =
        Some((serde_yaml::from_str(BASE).context("its own settings").map_err(Failed::Usage)?, "gym".to_owned()));
    let resolved = load(plugs, &mut base).map_err(Failed::Usage)?;
    if !resolved.config.evaluate {
        return Err(Failed::Usage(anyhow!("with `evaluate=false` no session comes to a reward\nhint: leave it out")));
    }
    // A server that was killed may have left some.
    remove_of_dead(plugs, |name| name == resolved.config.sandbox.provider).await;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let places = places(&args, environment.as_ref()).map_err(Failed::Usage)?;
    let models = Models::elsewhere(&resolved).map_err(Failed::Usage)?;
    let journal = open_journal(&resolved, &resolved.run_name())?;
    let cell = format!("{}-{}", resolved.plug.name, resolved.fingerprint());
    let cell_dir = open_cell(&resolved, &journal, &cell, OtherSettings::Keep)?;
    let engine = engine(&resolved, providers, unseen(), args.sessions);
    at_interrupt.drain_at_any(&engine.drain);
    let (agent, folder) = (resolved.plug.name, cell_dir.path().to_owned());
    let warm = Arc::new(Warm::new(environment, args.warm, engine.permits.clone(), providers.tasks.clone()));
    let cell = Cell::new(resolved, warm.clone(), Arc::new(models), cell_dir).map_err(Failed::Usage)?;
    let count = places.len();
    let gym =
        Arc::new(Gym::new(Parts { cell, environment: warm, places, engine, settings, plugs: plugs.clone(), base })?);
    let listener = TcpListener::bind(args.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", args.listen)).map_err(Failed::Usage)?;
    let address = listener.local_addr().context("the address is not known")?;
    say(&format!(
        "{count} instances of `{}` with the tools of {agent} on http://{address}, kept in `{}`",
        gym.name(),
        folder.display()
    ));
    gym::serve(gym, listener).await?;
    Ok(ExitCode::SUCCESS)
}

fn settings(args: &GymCommand) -> anyhow::Result<gym::Settings> {
    let token = args.token.clone().or_else(|| std::env::var(TOKEN).ok()).filter(|token| !token.is_empty());
    if token.is_none() && !args.listen.ip().is_loopback() {
        bail!("`{}` is not this machine alone, and there is no token\nhint: set the variable `{TOKEN}`", args.listen);
    }
    if !args.limit_penalty.is_finite() || args.limit_penalty < 0.0 {
        return Err(anyhow!("`--limit-penalty` is a number from 0 on"));
    }
    let base = match args.reward {
        OfVerdict::Resolved => Base::Resolved,
        OfVerdict::Share => Base::Share,
    };
    let abandoned = match args.abandoned {
        OfAbandoned::Judge => Abandoned::Judge,
        OfAbandoned::Drop => Abandoned::Drop,
    };
    Ok(gym::Settings {
        sessions: args.sessions,
        idle: Duration::from_secs(args.idle),
        abandoned,
        reward: RewardSettings { base, limit_penalty: args.limit_penalty },
        split: args.split.clone(),
        token,
    })
}

/// Returns the places of the instances that are served: those that the arguments pick, without those of which no episode
/// could come to a reward.
fn places(args: &GymCommand, environment: &dyn Environment) -> anyhow::Result<Vec<usize>> {
    let picked = select(environment.instances(), &args.picked.of(&[]))?;
    let count = picked.len();
    let can_be = |place: &usize| {
        let instance = environment.instances().get(*place);
        instance.is_some_and(|instance| {
            !instance.problem_statement.trim().is_empty() && environment.check_judging(instance).is_ok()
        })
    };
    let places: Vec<usize> = picked.into_iter().filter(can_be).collect();
    match (places.len(), count) {
        (0, _) => bail!("no instance can be served\nhint: `spotter validate` tells what they lack"),
        (served, count) if served < count => {
            say(&format!("{} instances cannot be judged here, or have no issue, and are left out", count - served));
        }
        _ => {}
    }
    Ok(places)
}
